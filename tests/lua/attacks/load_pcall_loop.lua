-- expect: error while loading, the budget of
while true do pcall(function() while true do end end) end
