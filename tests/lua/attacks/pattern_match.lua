-- expect: budget
function attack(event, ctx)
  ("a"):rep(3000):match((".-"):rep(4) .. "b")
end
