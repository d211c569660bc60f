-- expect: budget
function attack(event, ctx)
  while true do x = 1 end
end
