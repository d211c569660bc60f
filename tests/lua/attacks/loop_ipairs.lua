-- expect: budget
function attack(event, ctx)
  for i in ipairs(setmetatable({}, {__index = function() return 1 end})) do end
end
