-- expect: budget
function attack(event, ctx)
  ctx.log.info("%s", setmetatable({}, {__tostring = function() while true do end end}))
end
