-- expect: error at most 256
function attack(event, ctx)
  return ("x"):find(("."):rep(300))
end
