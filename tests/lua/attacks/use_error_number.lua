-- expect: error 42
function attack(event, ctx)
  error(42)
end
