-- expect: budget
function attack(event, ctx)
  return #setmetatable({}, {__len = function() while true do end end})
end
