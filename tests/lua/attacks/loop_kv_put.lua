-- expect: budget
function attack(event, ctx)
  while true do ctx.kv:put("key", "value") end
end
