-- expect: error handle returned a function
function attack(event, ctx)
  return print
end
