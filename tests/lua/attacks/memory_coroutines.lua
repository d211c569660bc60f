-- expect: memory
function attack(event, ctx)
  local t = {}
  while true do
    local c = coroutine.create(coroutine.yield)
    coroutine.resume(c)
    t[#t + 1] = c
  end
end
