-- expect: error malformed pattern
function attack(event, ctx)
  return ("a"):find("%")
end
