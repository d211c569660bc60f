-- expect: error at most 100 keys
function attack(event, ctx)
  for i = 1, 1000 do ctx.kv:put("k" .. i, "v") end
end
