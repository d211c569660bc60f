-- expect: budget
function attack(event, ctx)
  ("a"):rep(3000):gsub((".-"):rep(4) .. "b", "")
end
