-- expect: error
function attack(event, ctx) return ctx.kv:get("x") end
attack({}, nil)
