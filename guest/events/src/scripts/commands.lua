-- Reads the records of commands from a number or a time on.
--
-- Keys: the state, then the events of some segments next to each other. Arguments: number and first position of the
-- current segment, a number, a time or nothing, how many records and bytes are enough, then the number of the first
-- command of each segment, and of the first one behind the last of them.
--
-- The reply: status, the number of the first record, whether there are none behind, the records.

local RECORDS, STALE, CORRUPT = 0, 9, 11
local call = redis.call

local meta = call('HMGET', KEYS[1], 'v', 'c', 's', 'o' .. ARGV[1])
if meta[1] and meta[1] ~= '1' then return { CORRUPT, KEYS[1], 'has another layout' } end
local begins = meta[4] and string.match(meta[4], '^%d+') or '1'
if (meta[3] or '0') ~= ARGV[1] or begins ~= ARGV[2] then return { STALE } end
local count = tonumber(meta[2] or 0)
local from, since, limit, enough = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local BEGINS = 6

local function field(number)
  return 'c' .. string.format('%.0f', number)
end

-- The key that has this command, and the first number that it does not have any more.
local function holder(number)
  for i = 2, #KEYS do
    local behind = tonumber(ARGV[BEGINS + i])
    if number >= tonumber(ARGV[BEGINS + i - 1]) and number < behind then return KEYS[i], behind end
  end
end

if since then
  -- Times never go back. The first segment has an older command, or is the first of all.
  local low, high = from, math.min(count + 1, tonumber(ARGV[BEGINS + #KEYS]))
  while low < high do
    local middle = math.floor((low + high) / 2)
    local record = call('HGET', holder(middle), field(middle))
    if not record then return { CORRUPT, KEYS[1], 'counts a command that is not there' } end
    if tonumber(string.match(record, '^%d+')) < since then low = middle + 1 else high = middle end
  end
  from = low
end

local reply, bytes, number = { RECORDS, from, 0 }, 0, from
while number <= count and number - from < limit and bytes < enough do
  local events_key = holder(number)
  if not events_key then break end
  local record = call('HGET', events_key, field(number))
  if not record then return { CORRUPT, events_key, 'lacks a command' } end
  bytes = bytes + #record
  reply[#reply + 1] = record
  number = number + 1
end
if number > count then reply[3] = 1 end
return reply
