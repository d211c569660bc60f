-- expect: error at most 1048576
function attack(event, ctx)
  ctx.publish("t", ("x"):rep(1100000))
end
