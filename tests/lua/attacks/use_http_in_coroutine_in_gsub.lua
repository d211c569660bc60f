-- expect: error cannot wait here
function attack(event, ctx)
  return ("x"):gsub("x", coroutine.wrap(function() ctx.http:get("http://x") end))
end
