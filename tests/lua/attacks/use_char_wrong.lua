-- expect: error out of range
function attack(event, ctx)
  return string.char(-1)
end
