-- expect: error
function attack(event, ctx)
  local t = {"x"}
  for i = 1, 30 do t = {t, t, t, t, t, t, t, t} end
  return t
end
