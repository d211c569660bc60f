-- expect: budget
function attack(event, ctx)
  local function deeper(n)
    local c = coroutine.wrap(deeper)
    if n < 50 then c(n + 1) end
    while true do end
  end
  deeper(0)
end
