-- expect: budget
function attack(event, ctx)
  local s = ("a"):rep(30000)
  s:find("[" .. ("bc"):rep(100) .. "]*[a]-[a]-z")
end
