-- expect: error must be a whole number
function attack(event, ctx)
  ctx.kv:add("k", 1.5)
end
