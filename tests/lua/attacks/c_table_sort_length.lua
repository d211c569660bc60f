-- expect: budget
function attack(event, ctx)
  table.sort(setmetatable({}, {__len = function() return 2^31 - 2 end, __index = rawlen, __newindex = rawequal}))
end
