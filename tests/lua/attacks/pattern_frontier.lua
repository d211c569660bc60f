-- expect: budget
function attack(event, ctx)
  local s = ("a"):rep(1000000)
  while true do s:find("%f[b]") end
end
