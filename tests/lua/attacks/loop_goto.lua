-- expect: budget
function attack(event, ctx)
  ::again:: goto again
end
