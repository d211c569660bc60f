-- expect: error resulting string too large
function attack(event, ctx)
  return ("xx"):rep(math.maxinteger)
end
