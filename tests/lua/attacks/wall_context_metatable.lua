-- expect: error protected metatable
function attack(event, ctx)
  setmetatable(ctx, {})
end
