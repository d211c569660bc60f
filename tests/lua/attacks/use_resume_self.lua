-- expect: error non-suspended
function attack(event, ctx)
  local ok, e = coroutine.resume(coroutine.running())
  error(e)
end
