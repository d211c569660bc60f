-- expect: error mixed keys
function attack(event, ctx)
  return {1, 2, x = 3}
end
