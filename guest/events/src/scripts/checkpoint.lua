-- Sets a checkpoint if it is as expected, '' for none. The reply: what it is now.

if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
