-- expect: error
function attack(event, ctx)
  return {[1] = 1, [3] = 3, [1000000] = 1}
end
