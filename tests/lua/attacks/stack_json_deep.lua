-- expect: error no JSON
function attack(event, ctx)
  return json.decode(("["):rep(100) .. ("]"):rep(100))
end
