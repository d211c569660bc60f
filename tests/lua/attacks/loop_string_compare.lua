-- expect: budget
function attack(event, ctx)
  local a, b = ("x"):rep(5000000) .. "a", ("x"):rep(5000000) .. "b"
  local n = 0
  while true do if a < b then n = n + 1 end end
end
