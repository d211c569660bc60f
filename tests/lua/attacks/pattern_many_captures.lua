-- expect: error too many captures
function attack(event, ctx)
  return ("x"):find(("()"):rep(40))
end
