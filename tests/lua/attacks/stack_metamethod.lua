-- expect: error C stack overflow
function attack(event, ctx)
  local t = setmetatable({}, {})
  getmetatable(t).__index = function(t, k) return t[k .. "x"] end
  return t.x
end
