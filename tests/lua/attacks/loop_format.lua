-- expect: budget
function attack(event, ctx)
  while true do ("%99.99f"):format(1e300) end
end
