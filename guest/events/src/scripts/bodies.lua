-- Reads the events at some positions, in their order, until there are enough bytes.
--
-- Arguments: how many bytes are enough; for each key the number of its positions, and the positions.

local given = 1
local enough, bytes, size = tonumber(ARGV[1]), 0, 16
local bodies = {}
for _, events_key in ipairs(KEYS) do
  given = given + 1
  local last = given + tonumber(ARGV[given])
  while given < last do
    if bytes >= enough then return bodies end
    local to = math.min(given + size, last)
    for _, body in ipairs(redis.call('HMGET', events_key, unpack(ARGV, given + 1, to))) do
      bodies[#bodies + 1] = body
      bytes = bytes + (body and #body or 0)
    end
    given = to
    size = math.max(1, math.min(256, math.floor((enough - bytes) / (bytes / #bodies + 1))))
  end
end
return bodies
