-- expect: error cannot wait here
function attack(event, ctx)
  table.sort({2, 1}, function() return ctx.http:get("http://x") end)
end
