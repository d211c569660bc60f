-- expect: error beyond 64 bits
function attack(event, ctx)
  ctx.kv:put("k", math.maxinteger)
  ctx.kv:incr("k", 1)
end
