-- expect: error bytes in all
function attack(event, ctx)
  local s = ("x"):rep(60000)
  for i = 1, 100 do ctx.kv:put("k" .. i, s) end
end
