-- expect: budget
function attack(event, ctx)
  print(setmetatable({}, {__tostring = function() while true do end end}))
end
