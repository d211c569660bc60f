-- expect: error C stack overflow
function attack(event, ctx)
  local function f() return (("x"):gsub("x", f)) end
  f()
end
