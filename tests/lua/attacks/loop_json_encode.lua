-- expect: budget
function attack(event, ctx)
  local t = {}
  for i = 1, 50000 do t[i] = "x" end
  while true do json.encode(t) end
end
