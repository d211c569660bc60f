-- expect: budget
function attack(event, ctx)
  while os.clock() < math.huge do end
end
