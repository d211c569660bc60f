-- expect: error attempt to call a nil value (field 'rename')
function attack(event, ctx)
  return os.rename("x")
end
