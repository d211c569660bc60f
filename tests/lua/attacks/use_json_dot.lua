-- expect: error
function attack(event, ctx)
  return event.json()
end
