-- expect: ok
function attack(event, ctx)
  assert(getmetatable(string) == false)
  assert(next(string) == nil)
  for k in pairs(string) do error(k) end
end
