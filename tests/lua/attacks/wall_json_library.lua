-- expect: error 'json' is read-only
function attack(event, ctx)
  json.null = 0
end
