-- expect: budget
function attack(event, ctx)
  return ("abc"):gsub(".", function() while true do end end)
end
