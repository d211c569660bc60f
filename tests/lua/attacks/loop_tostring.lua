-- expect: budget
function attack(event, ctx)
  return tostring(setmetatable({}, {__tostring = function() while true do end end}))
end
