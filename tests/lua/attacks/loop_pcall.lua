-- expect: budget
function attack(event, ctx)
  while true do pcall(function() while true do end end) end
end
