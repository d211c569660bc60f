-- expect: budget
function attack(event, ctx)
  local one, two
  function one() return two() end
  function two() return one() end
  one()
end
