-- expect: budget
function attack(event, ctx)
  while true do string.rep("", 1e15) end
end
