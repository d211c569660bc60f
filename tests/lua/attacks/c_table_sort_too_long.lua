-- expect: error array too big
function attack(event, ctx)
  table.sort(setmetatable({}, {__len = function() return 2^40 end}))
end
