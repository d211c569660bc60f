-- Fan-out: an order becomes one message a line for the warehouse, and a reminder for later. They are
-- published together with the acknowledgement, or not at all.
--
--   penstock sub add orders split --lua fan_out.lua
function handle(event, ctx)
  local order = event:json().order
  if #order.lines == 0 then
    return ctx.drop()
  end

  for number, line in ipairs(order.lines) do
    ctx.publish("warehouse", {
      json = {order = order.number, line = number, sku = line.sku, quantity = line.quantity},
      routing_key = "pick." .. line.sku:match("^%a+"):lower(),
      ordering_key = tostring(order.number),
    })
  end

  ctx.send("reminders", {
    json = {order = order.number, mail = order.customer.email},
    delay = 3 * 24 * 3600,
  })
end
