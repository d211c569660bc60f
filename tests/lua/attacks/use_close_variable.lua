-- expect: error non-closable
function attack(event, ctx)
  local x <close> = {}
end
