-- A Lua subscriber: counts what came, by kind, and sends a line about it to the queue "summary".
-- The count, the line and the acknowledgement of the message happen together or not at all.
local function fields_of(data)
  local count = 0
  for _ in pairs(data) do count = count + 1 end
  return count
end

function handle(event, ctx)
  local kind = event.tags[1] or "other"
  local seen = ctx.kv:incr(kind, 1)
  ctx.send("summary", { json = { kind = kind, seen = seen, fields = fields_of(event:json()) } })
  ctx.log.info("%s number %d", kind, seen)
end
