-- expect: error attempt to index a nil value (global 'io')
function attack(event, ctx)
  return io.x
end
