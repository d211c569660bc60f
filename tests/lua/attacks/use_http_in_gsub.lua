-- expect: error cannot wait here
function attack(event, ctx)
  return ("x"):gsub("x", function() return ctx.http:get("http://x") end)
end
