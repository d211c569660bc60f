-- expect: budget
function attack(event, ctx)
  table.move({}, 1, 1e10, 2)
end
