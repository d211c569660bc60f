-- expect: error attempt to call a nil value (field 'remove')
function attack(event, ctx)
  return os.remove("x")
end
