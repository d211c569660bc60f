-- expect: budget
function attack(event, ctx)
  while true do coroutine.wrap(function() for i = 1, 9000 do end end)() end
end
