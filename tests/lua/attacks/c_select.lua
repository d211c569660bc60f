-- expect: ok
function attack(event, ctx)
  return tostring(select("#", table.unpack({}, 1, 100000)))
end
