-- expect: error handle returned false without a reason
function attack(event, ctx)
  return false
end
