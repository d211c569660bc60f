-- expect: budget
function attack(event, ctx)
  while true do pcall(error, {}) end
end
