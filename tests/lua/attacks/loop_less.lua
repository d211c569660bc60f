-- expect: budget
function attack(event, ctx)
  local m = {__lt = function() while true do end end}
  return setmetatable({}, m) < setmetatable({}, m)
end
