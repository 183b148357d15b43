-- Renews leases, or gives them back: all that are held. Keys: the locks. Arguments: milliseconds, or 0 to give back;
-- the tokens. The reply: the place of the first lock that is not held, from 1, or 0.

local lost = 0
for i = #KEYS, 1, -1 do
  if redis.call('GET', KEYS[i]) ~= ARGV[i + 1] then
    lost = i
  elseif ARGV[1] == '0' then
    redis.call('DEL', KEYS[i])
  else
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
end
return lost
