-- expect: error either body
function attack(event, ctx)
  ctx.publish("t", {body = "x", json = 1})
end
