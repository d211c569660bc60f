-- expect: error invalid conversion
function attack(event, ctx)
  return ("%999d"):format(1)
end
