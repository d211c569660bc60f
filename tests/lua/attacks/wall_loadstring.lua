-- expect: error attempt to call a nil value (global 'loadstring')
function attack(event, ctx)
  return loadstring("x")
end
