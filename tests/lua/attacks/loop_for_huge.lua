-- expect: budget
function attack(event, ctx)
  for i = 1, math.maxinteger do end
end
