-- expect: memory
function attack(event, ctx)
  local t = {}
  while true do t[#t + 1] = setmetatable({}, {__mode = "k"}) end
end
