-- expect: error attempt to call a nil value (field 'exit')
function attack(event, ctx)
  return os.exit("x")
end
