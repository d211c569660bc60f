-- expect: error a key is UTF-8 text of 1 to 256 bytes
function attack(event, ctx)
  ctx.kv:put(("k"):rep(300), "v")
end
