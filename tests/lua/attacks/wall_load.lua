-- expect: error attempt to call a nil value (global 'load')
function attack(event, ctx)
  return load("return 1")
end
