-- expect: error a function cannot be JSON
function attack(event, ctx)
  return {x = print}
end
