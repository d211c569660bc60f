-- expect: error a key is UTF-8 text
function attack(event, ctx)
  ctx.kv:get("\xff")
end
