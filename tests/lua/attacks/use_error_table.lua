-- expect: error no text but a table
function attack(event, ctx)
  error({})
end
