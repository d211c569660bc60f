-- expect: error unknown option 'afer'
function attack(event, ctx)
  return ctx.retry{afer = 5}
end
