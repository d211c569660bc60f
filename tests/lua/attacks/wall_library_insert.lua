-- expect: error 'string' is read-only
function attack(event, ctx)
  table.insert(string, "x")
end
