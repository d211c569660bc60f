-- expect: error unknown option 'tag'
function attack(event, ctx)
  ctx.publish("t", {body = "x", tag = "y"})
end
