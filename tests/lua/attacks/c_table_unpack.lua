-- expect: error too many results to unpack
function attack(event, ctx)
  return table.unpack({}, 1, 1e8)
end
