-- expect: error running
function attack(event, ctx)
  coroutine.close(coroutine.running())
end
