-- Takes a lock, or a lock that its own token has. Keys: the state, the lock. Arguments: the token, milliseconds.

local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return { 1, redis.call('PTTL', KEYS[2]) } end
local fence = redis.call('HINCRBY', KEYS[1], 'f', 1)
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 0, fence }
