-- expect: error C stack overflow
function attack(event, ctx)
  local t = setmetatable({}, {})
  getmetatable(t).__tostring = function(t) return tostring(t) end
  return tostring(t)
end
