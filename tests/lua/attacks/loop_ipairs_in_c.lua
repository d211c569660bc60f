-- expect: budget
function attack(event, ctx)
  for i in ipairs(setmetatable({}, {__index = rawlen})) do end
end
