-- expect: error the table is read-only
function attack(event, ctx)
  rawset(string, "find", nil)
end
