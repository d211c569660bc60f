-- expect: memory
function attack(event, ctx)
  local held = {}
  local text = "[" .. ("1,"):rep(100000) .. "1]"
  while true do held[#held + 1] = json.decode(text) end
end
