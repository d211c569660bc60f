-- expect: budget
function attack(event, ctx)
  local a, b = ("x"):rep(5000000) .. "a", ("x"):rep(5000000) .. "b"
  while true do if a == b then return end end
end
