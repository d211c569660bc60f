-- expect: budget
function attack(event, ctx)
  local s = ("x"):rep(100000)
  while true do s:upper() end
end
