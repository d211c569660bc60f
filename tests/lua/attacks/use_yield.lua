-- expect: error outside a coroutine
function attack(event, ctx)
  coroutine.yield(1)
end
