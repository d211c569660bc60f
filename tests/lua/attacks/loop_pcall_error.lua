-- expect: budget
function attack(event, ctx)
  while true do pcall(error, "x") end
end
