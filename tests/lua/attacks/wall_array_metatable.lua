-- expect: error protected metatable
function attack(event, ctx)
  setmetatable(json.array({}), {})
end
