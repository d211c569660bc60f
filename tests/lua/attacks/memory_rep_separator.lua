-- expect: error resulting string too large
function attack(event, ctx)
  return ("x"):rep(1e6, ("y"):rep(1e6))
end
