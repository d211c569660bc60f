-- expect: error attempt to call a nil value (global 'require')
function attack(event, ctx)
  return require("os")
end
