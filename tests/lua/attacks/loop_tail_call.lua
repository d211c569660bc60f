-- expect: budget
function attack(event, ctx)
  local function again() return again() end
  again()
end
