-- Has appends ring the bell for a while. Keys: the state. Arguments: milliseconds.

local clock = redis.call('TIME')
local till = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
if tonumber(redis.call('HGET', KEYS[1], 'w') or 0) < till then
  redis.call('HSET', KEYS[1], 'w', string.format('%d', till))
end
return { 0 }
