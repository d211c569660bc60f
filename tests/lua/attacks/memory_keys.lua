-- expect: memory
function attack(event, ctx)
  local t = {}
  for i = 1, math.huge do t[("key"):rep(1000) .. i] = i end
end
