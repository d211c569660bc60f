-- expect: error no UTF-8
function attack(event, ctx)
  return {x = "\xff"}
end
