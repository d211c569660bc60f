-- expect: error returned a result of
function attack(event, ctx)
  return ("x"):rep(2000000)
end
