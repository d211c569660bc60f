-- expect: budget
function attack(event, ctx)
  local c = coroutine.wrap(function() while true do coroutine.yield() end end)
  while true do c() end
end
