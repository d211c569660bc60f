-- expect: error a boolean as key
function attack(event, ctx)
  return {[true] = 1}
end
