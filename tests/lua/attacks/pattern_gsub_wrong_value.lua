-- expect: error invalid replacement value
function attack(event, ctx)
  return ("a"):gsub("a", function() return {} end)
end
