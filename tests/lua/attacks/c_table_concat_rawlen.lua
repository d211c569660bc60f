-- expect: memory
function attack(event, ctx)
  table.concat(setmetatable({}, {__index = rawlen}), ("x"):rep(1000), 1, 1e15)
end
