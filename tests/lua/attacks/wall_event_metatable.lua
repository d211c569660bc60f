-- expect: error protected metatable
function attack(event, ctx)
  setmetatable(event, {})
end
