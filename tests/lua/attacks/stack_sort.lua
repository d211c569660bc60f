-- expect: error C stack overflow
function attack(event, ctx)
  local function f() table.sort({2, 1}, f) end
  f()
end
