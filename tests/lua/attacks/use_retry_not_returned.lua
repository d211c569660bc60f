-- expect: error did not return its value
function attack(event, ctx)
  ctx.retry{after = 5}
end
