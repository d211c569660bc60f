-- expect: memory
function attack(event, ctx)
  local function f() return 1 + f() end
  f()
end
