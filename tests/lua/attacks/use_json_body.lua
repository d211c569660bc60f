-- expect: error is no JSON
function attack(event, ctx)
  return event:json()
end
