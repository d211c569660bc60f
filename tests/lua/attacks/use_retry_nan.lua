-- expect: error must be a number of seconds
function attack(event, ctx)
  return ctx.retry{after = 0/0}
end
