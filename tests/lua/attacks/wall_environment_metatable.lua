-- expect: error protected metatable
function attack(event, ctx)
  setmetatable(_G, {})
end
