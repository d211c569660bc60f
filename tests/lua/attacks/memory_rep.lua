-- expect: error resulting string too large
function attack(event, ctx)
  return ("x"):rep(1e9)
end
