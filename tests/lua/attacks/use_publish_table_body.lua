-- expect: error use json.encode
function attack(event, ctx)
  ctx.publish("t", {body = {}})
end
