-- expect: memory
function attack(event, ctx)
  held = {}
  while true do held[#held + 1] = {} end
end
