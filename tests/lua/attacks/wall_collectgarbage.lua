-- expect: error attempt to call a nil value (global 'collectgarbage')
function attack(event, ctx)
  return collectgarbage("stop")
end
