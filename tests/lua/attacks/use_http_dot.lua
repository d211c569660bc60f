-- expect: error with a colon
function attack(event, ctx)
  return ctx.http.get("http://x")
end
