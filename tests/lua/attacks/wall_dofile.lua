-- expect: error attempt to call a nil value (global 'dofile')
function attack(event, ctx)
  return dofile("/etc/passwd")
end
