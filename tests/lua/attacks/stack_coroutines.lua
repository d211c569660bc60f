-- expect: error C stack overflow
function attack(event, ctx)
  local function f() return coroutine.wrap(f)() end
  f()
end
