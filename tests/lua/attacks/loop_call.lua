-- expect: budget
function attack(event, ctx)
  local t = setmetatable({}, {__call = function() while true do end end})
  t()
end
