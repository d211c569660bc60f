-- expect: error infinity and NaN
function attack(event, ctx)
  return {x = 0/0}
end
