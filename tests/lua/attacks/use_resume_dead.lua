-- expect: error dead coroutine
function attack(event, ctx)
  local c = coroutine.create(function() end)
  coroutine.resume(c)
  local ok, e = coroutine.resume(c)
  error(e)
end
