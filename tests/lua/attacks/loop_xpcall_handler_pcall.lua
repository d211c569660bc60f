-- expect: budget
function attack(event, ctx)
  while true do
    xpcall(error, function() pcall(function() while true do end end) end)
  end
end
