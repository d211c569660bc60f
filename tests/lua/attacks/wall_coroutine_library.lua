-- expect: error 'coroutine' is read-only
function attack(event, ctx)
  coroutine.wrap = nil
end
