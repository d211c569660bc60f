-- expect: budget
function attack(event, ctx)
  return setmetatable({}, {__add = function() while true do end end}) + 1
end
