-- expect: budget
function attack(event, ctx)
  xpcall(function() while true do end end, function() while true do end end)
end
