-- expect: error handle returned a thread
function attack(event, ctx)
  return coroutine.create(print)
end
