-- expect: budget
function attack(event, ctx)
  local s = ("x"):rep(5000000)
  while true do utf8.len(s) end
end
