-- expect: budget
function attack(event, ctx)
  while true do end
end
