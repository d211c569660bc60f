-- expect: budget
function attack(event, ctx)
  coroutine.wrap(function() ("a"):rep(3000):find((".-"):rep(5) .. "b") end)()
end
