-- expect: budget
function attack(event, ctx)
  ("a"):rep(100000):find("(.-)(.-)%1%2b")
end
