-- expect: memory
local held = {}
function attack(event, ctx)
  while true do held[#held + 1] = {} end
end
