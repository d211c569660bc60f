-- expect: budget
function attack(event, ctx)
  local s = "[" .. ("1,"):rep(50000) .. "1]"
  while true do json.decode(s) end
end
