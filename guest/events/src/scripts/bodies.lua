-- Reads the events at some positions, in their order, until there are enough bytes.
--
-- Keys: the log of the place that is compared, if any; the events' segments. Arguments: how many bytes are enough;
-- where in its log that place is, and the tail of the id there, or '' alone; for each segment the number of its
-- positions, and the positions. The reply is 0 if another event is at that place.

local given, segments = 2, 1
if ARGV[2] ~= '' then
  local entry = redis.call('LINDEX', KEYS[1], ARGV[2])
  if not entry or math.floor(entry / 4096) ~= tonumber(ARGV[3]) then return 0 end
  given, segments = 3, 2
end
local enough, bytes, size = tonumber(ARGV[1]), 0, nil
local bodies = {}
for segment = segments, #KEYS do
  given = given + 1
  local last = given + tonumber(ARGV[given])
  while given < last do
    if bytes >= enough then return bodies end
    if not size then
      local length = redis.call('HSTRLEN', KEYS[segment], ARGV[given + 1])
      size = math.max(1, math.min(16, math.floor(enough / (length + 1))))
    end
    local to = math.min(given + size, last)
    for _, body in ipairs(redis.call('HMGET', KEYS[segment], unpack(ARGV, given + 1, to))) do
      bodies[#bodies + 1] = body
      bytes = bytes + (body and #body or 0)
    end
    given = to
    size = math.max(1, math.min(256, math.floor((enough - bytes) / (bytes / #bodies + 1))))
  end
end
return bodies
