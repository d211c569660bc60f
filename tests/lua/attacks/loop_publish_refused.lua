-- expect: budget
function attack(event, ctx)
  while true do pcall(ctx.publish, "t", {}) end
end
