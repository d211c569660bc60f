-- expect: ok
function attack(event, ctx)
  return ("").rep("", 1e10)
end
