-- expect: error attempt to index a boolean
function attack(event, ctx)
  getmetatable("").__index = {}
end
