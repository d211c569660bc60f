-- expect: error attempt to call a nil value (field 'setlocale')
function attack(event, ctx)
  return os.setlocale("x")
end
