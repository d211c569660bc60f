-- expect: budget
function attack(event, ctx)
  local s = ("x"):rep(5000000)
  while true do s:reverse() end
end
