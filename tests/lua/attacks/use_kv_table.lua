-- expect: error use json.encode
function attack(event, ctx)
  ctx.kv:put("k", {})
end
