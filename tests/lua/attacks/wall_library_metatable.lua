-- expect: error protected metatable
function attack(event, ctx)
  setmetatable(string, nil)
end
