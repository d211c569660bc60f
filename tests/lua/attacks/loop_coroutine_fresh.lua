-- expect: budget
function attack(event, ctx)
  while true do
    coroutine.resume(coroutine.create(function() while true do end end))
  end
end
