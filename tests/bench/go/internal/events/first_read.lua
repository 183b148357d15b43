-- Reads at most so many events with a tag, from the first. Keys: the stream, and the tag's list.

local events = {}
for i, value in ipairs(redis.call('LRANGE', KEYS[2], 0, ARGV[1] - 1)) do
  local at = string.format('%d-0', math.floor(value / 4096))
  events[i] = redis.call('XRANGE', KEYS[1], at, at)[1]
end
return events
