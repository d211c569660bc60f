-- expect: budget
function attack(event, ctx)
  for x in ("a"):rep(3000):gmatch((".-"):rep(4) .. "b") do end
end
