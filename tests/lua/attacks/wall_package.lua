-- expect: error attempt to index a nil value (global 'package')
function attack(event, ctx)
  return package.x
end
