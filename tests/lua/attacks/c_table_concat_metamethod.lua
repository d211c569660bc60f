-- expect: budget
function attack(event, ctx)
  table.concat(setmetatable({}, {__index = function() return "" end}), "", 1, 1e15)
end
