-- expect: error __gc is not available
function attack(event, ctx)
  local m = {__gc = function() end}
  setmetatable({}, m)
end
