-- expect: memory
function attack(event, ctx)
  local t = {}
  while true do table.insert(t, {}) end
end
