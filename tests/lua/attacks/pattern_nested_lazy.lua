-- expect: budget
function attack(event, ctx)
  ("a"):rep(3000):find((".-"):rep(5) .. "b")
end
