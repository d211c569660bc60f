-- expect: budget
function attack(event, ctx)
  while true do math.random(1, 100) end
end
