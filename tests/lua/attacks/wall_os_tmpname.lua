-- expect: error attempt to call a nil value (field 'tmpname')
function attack(event, ctx)
  return os.tmpname("x")
end
