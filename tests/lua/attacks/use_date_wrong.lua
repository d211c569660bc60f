-- expect: error invalid conversion
function attack(event, ctx)
  return os.date("%Ez")
end
