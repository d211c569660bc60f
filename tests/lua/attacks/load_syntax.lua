-- expect: error syntax error near
function attack(event, ctx) x y end
