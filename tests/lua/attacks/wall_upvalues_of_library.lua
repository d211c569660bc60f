-- expect: ok
function attack(event, ctx)
  assert(type(string.find) == "function" and debug == nil)
end
