-- expect: error afterwards
function attack(event, ctx)
  ctx.publish("t", "x")
  error("afterwards")
end
