-- expect: budget
function attack(event, ctx)
  while true do os.date("%c") end
end
