-- expect: error 'ctx.kv' is read-only
function attack(event, ctx)
  ctx.kv.get = nil
end
