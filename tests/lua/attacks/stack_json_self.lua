-- expect: error nested deeper
function attack(event, ctx)
  local t = {}
  t.t = t
  return t
end
