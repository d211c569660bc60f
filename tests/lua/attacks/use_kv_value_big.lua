-- expect: error at most 65536
function attack(event, ctx)
  ctx.kv:put("k", ("x"):rep(70000))
end
