-- expect: error handle returned a userdata
function attack(event, ctx)
  return json.null
end
