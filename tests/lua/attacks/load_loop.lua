-- expect: error while loading, the budget of
while true do end
