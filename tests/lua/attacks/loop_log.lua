-- expect: budget
function attack(event, ctx)
  while true do ctx.log.info("x") end
end
