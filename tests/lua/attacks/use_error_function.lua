-- expect: error no text but a function
function attack(event, ctx)
  error(print)
end
