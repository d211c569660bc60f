-- Filter and transform in one file: only paid orders above a threshold go out, and of each only
-- what the receiver needs.
--
--   penstock sub add orders big --http http://127.0.0.1:8080/in \
--     --filter-lua paid_orders.lua --transform-lua paid_orders.lua
--
-- Try it:  penstock-lua --test paid_orders.lua --role filter --event order.json
local threshold = 50

function filter(event)
  local order = event:json().order
  return order.currency == "EUR" and tonumber(order.total) >= threshold
end

function transform(event)
  local order = event:json().order
  local pieces = 0
  for _, line in ipairs(order.lines) do
    pieces = pieces + line.quantity
  end
  return {
    number = order.number,
    total = order.total,
    pieces = pieces,
    country = order.shipping_address.country,
    placed = event.publish_time,
  }
end
