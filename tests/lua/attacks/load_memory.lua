-- expect: error while loading, the memory budget
local t = {}
while true do t[#t + 1] = {} end
