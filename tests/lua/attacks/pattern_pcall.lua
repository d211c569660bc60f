-- expect: budget
function attack(event, ctx)
  while true do pcall(string.find, ("a"):rep(3000), (".-"):rep(5) .. "b") end
end
