-- expect: error xxxx
function attack(event, ctx)
  error(("x"):rep(1000000), 0)
end
