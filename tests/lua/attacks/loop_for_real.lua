-- expect: budget
function attack(event, ctx)
  for i = 1, math.huge do end
end
