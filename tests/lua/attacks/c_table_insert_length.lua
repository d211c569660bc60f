-- expect: budget
function attack(event, ctx)
  table.insert(setmetatable({}, {__len = function() return 1e15 end}), 1, "x")
end
