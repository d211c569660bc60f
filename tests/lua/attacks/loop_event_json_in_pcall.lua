-- expect: budget
function attack(event, ctx)
  while true do pcall(event.json, {body = "["}) end
end
