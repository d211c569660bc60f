-- expect: budget
function attack(event, ctx)
  table.move(setmetatable({}, {__index = rawlen}), 1, 1e15, 1, setmetatable({}, {__newindex = rawequal}))
end
