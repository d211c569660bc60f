-- expect: error
function attack(event, ctx)
  return os.time{year = math.maxinteger, month = 1, day = 1}
end
