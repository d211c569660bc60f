-- An aggregate kept in kv: orders and cents a day and country. Everything below commits together
-- with the message's acknowledgement, so each order counts exactly once.
--
--   penstock sub add orders totals --lua daily_totals.lua
local report_every = 100

local function cents(amount)
  local whole, part = amount:match("^(%d+)%.(%d%d)$")
  return whole and tonumber(whole) * 100 + tonumber(part)
end

function handle(event, ctx)
  local order = event:json().order
  local amount = cents(order.total)
  if not amount then
    return ctx.dead("total '" .. tostring(order.total) .. "' is no amount")
  end

  local day = event.publish_time:sub(1, 10)
  local country = order.shipping_address.country
  local keep = {ttl = 40 * 24 * 3600}

  -- Blind: nothing is read, so messages handled at the same time never conflict.
  ctx.kv:add("cents:" .. day .. ":" .. country, amount, keep)

  -- A read and a write: the new value is needed.
  local count = ctx.kv:incr("orders:" .. day, 1, keep)
  if count % report_every == 0 then
    ctx.publish("reports", {json = {day = day, orders = count}, tags = {"milestone"}})
    ctx.log.info("%d orders on %s", count, day)
  end
end
