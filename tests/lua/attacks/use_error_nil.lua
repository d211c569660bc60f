-- expect: error no text but a nil
function attack(event, ctx)
  error()
end
