-- expect: error attempt to call a nil value (field 'execute')
function attack(event, ctx)
  return os.execute("x")
end
