-- expect: error 'string' is read-only
function attack(event, ctx)
  string.find = function() end
end
