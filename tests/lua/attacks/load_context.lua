-- expect: error needs a message
function attack(event, ctx) end
local ok, e = pcall(print, "fine")
assert(ok)
error("ctx needs a message")
