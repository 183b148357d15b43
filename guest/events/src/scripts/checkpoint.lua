-- Sets a checkpoint if it is as expected: '' for none, or one that was set back to the beginning. Arguments: what is
-- expected, what is to be set, a mark of this attempt. The reply: whether it is set by this attempt, and by no other
-- that wants the same; what it is now.

local now = redis.call('GET', KEYS[1]) or ''
local at, mark = string.match(now, '^(%d+ %x+) ?(%x*)$')
local where = at or now
if string.sub(where, 1, 2) == '0 ' then where = '' end
if where == ARGV[1] then
  at, mark = ARGV[2], ARGV[3]
  redis.call('SET', KEYS[1], at .. ' ' .. mark)
end
return { mark == ARGV[3] and 1 or 0, at or now }
