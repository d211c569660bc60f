-- expect: error bytes in all
function attack(event, ctx)
  local s = ("x"):rep(1000000)
  for i = 1, 100 do ctx.publish("t", s) end
end
