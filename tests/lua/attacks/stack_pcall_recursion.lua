-- expect: error
function attack(event, ctx)
  local function f() local ok, e = pcall(f) error(e, 0) end
  f()
end
