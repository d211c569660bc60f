-- expect: ok
function attack(event, ctx)
  ctx.publish = nil
  event.body = "changed"
  event.tags[1] = 7
end
