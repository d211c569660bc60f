-- expect: error index is NaN
function attack(event, ctx)
  local t = {}
  t[0/0] = 1
end
