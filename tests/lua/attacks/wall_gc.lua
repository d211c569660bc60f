-- expect: error __gc is not available
function attack(event, ctx)
  setmetatable({}, {__gc = function() while true do end end})
end
