-- expect: error with a colon
function attack(event, ctx)
  return ctx.kv.get("k")
end
