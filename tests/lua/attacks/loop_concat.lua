-- expect: budget
function attack(event, ctx)
  return setmetatable({}, {__concat = function() while true do end end}) .. "x"
end
