-- expect: error at most 1048576
function attack(event, ctx)
  ctx.http:post("http://x", {body = ("x"):rep(1100000)})
end
