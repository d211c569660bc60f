-- expect: budget
function attack(event, ctx)
  local c = coroutine.create(function() while true do end end)
  while true do coroutine.resume(c) end
end
