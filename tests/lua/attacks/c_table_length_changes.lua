-- expect: budget
function attack(event, ctx)
  local n = 0
  table.insert(setmetatable({}, {__len = function() n = n + 1 return n * 1e15 end}), 1, "x")
end
