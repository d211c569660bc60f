-- expect: budget
function attack(event, ctx)
  xpcall(error, function() while true do end end)
end
