-- expect: error 'os' is read-only
function attack(event, ctx)
  os.time = nil
end
