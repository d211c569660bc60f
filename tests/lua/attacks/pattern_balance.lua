-- expect: budget
function attack(event, ctx)
  local s = ("("):rep(500000)
  while true do s:find("%b()x") end
end
