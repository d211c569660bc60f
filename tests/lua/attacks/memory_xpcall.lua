-- expect: memory
function attack(event, ctx)
  local t = {}
  xpcall(function() while true do t[#t + 1] = {} end end, function() while true do end end)
end
