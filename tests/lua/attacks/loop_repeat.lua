-- expect: budget
function attack(event, ctx)
  repeat until false
end
