-- expect: budget
function attack(event, ctx)
  table.remove(setmetatable({}, {__len = function() return 1e15 end}), 1)
end
