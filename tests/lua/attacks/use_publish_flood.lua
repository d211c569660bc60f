-- expect: error may publish at most 100
function attack(event, ctx)
  for i = 1, 1000 do ctx.publish("t", "x") end
end
