-- expect: error 'table' is read-only
function attack(event, ctx)
  table.x = 1
end
