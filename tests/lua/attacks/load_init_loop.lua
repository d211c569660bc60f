-- expect: error while loading, the budget of
function attack() end
function init() while true do end end
