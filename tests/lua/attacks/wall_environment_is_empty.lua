-- expect: ok
function attack(event, ctx)
  x = 1
  assert(next(_ENV) == nil and _G == _ENV)
  assert(x == 1 and _G.x == 1)
end
