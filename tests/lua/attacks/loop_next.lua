-- expect: budget
function attack(event, ctx)
  local t = {1}
  while next(t) do end
end
