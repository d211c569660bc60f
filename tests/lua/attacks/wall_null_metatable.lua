-- expect: ok
function attack(event, ctx)
  assert(getmetatable(json.null) == false and tostring(json.null) == "null")
end
