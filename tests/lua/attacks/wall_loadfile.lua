-- expect: error attempt to call a nil value (global 'loadfile')
function attack(event, ctx)
  return loadfile("/etc/passwd")
end
