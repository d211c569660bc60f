-- expect: error attempt to call a nil value (field 'dump')
function attack(event, ctx)
  return string.dump(attack)
end
