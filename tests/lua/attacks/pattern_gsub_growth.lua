-- expect: memory
function attack(event, ctx)
  return ("a"):rep(100000):gsub(".", ("x"):rep(10000))
end
