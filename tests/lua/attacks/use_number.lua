-- expect: error handle returned a number
function attack(event, ctx)
  return 5
end
