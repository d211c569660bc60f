-- expect: error 'math' is read-only
function attack(event, ctx)
  math.pi = 3
end
