-- expect: error either body
function attack(event, ctx)
  ctx.publish("t", {})
end
