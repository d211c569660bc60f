-- expect: error no stock
function attack(event, ctx)
  return false, "no stock"
end
