-- expect: error too long for a pattern
function attack(event, ctx)
  return ("x"):rep(2000000):find(".-y")
end
