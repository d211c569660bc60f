-- expect: error is not a whole number
function attack(event, ctx)
  ctx.kv:put("k", "x")
  ctx.kv:incr("k", 1)
end
