-- expect: error attempt to call a nil value (field 'getenv')
function attack(event, ctx)
  return os.getenv("x")
end
