-- expect: error attempt to index a nil value (global 'debug')
function attack(event, ctx)
  return debug.x
end
