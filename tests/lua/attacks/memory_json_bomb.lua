-- expect: memory
function attack(event, ctx)
  return json.decode("[" .. ("[],"):rep(600000) .. "[]]")
end
