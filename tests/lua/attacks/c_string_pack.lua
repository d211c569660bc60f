-- expect: memory
function attack(event, ctx)
  return string.pack("c1000000000", "")
end
