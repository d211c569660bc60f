-- expect: error
function attack(event, ctx)
  local function f(e) error(e) end
  local ok, e = xpcall(error, f, "x")
  error("after " .. tostring(e), 0)
end
