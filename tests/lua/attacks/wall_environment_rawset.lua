-- expect: error the table is read-only
function attack(event, ctx)
  rawset(_G, "x", 1)
end
