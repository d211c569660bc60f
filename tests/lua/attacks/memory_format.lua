-- expect: memory
function attack(event, ctx)
  local s = ("x"):rep(9000000)
  return ("%s%s%s%s"):format(s, s, s, s)
end
