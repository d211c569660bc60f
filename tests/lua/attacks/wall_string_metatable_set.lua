-- expect: error
function attack(event, ctx)
  setmetatable("", {})
end
