-- Comes before the others: what they are told, and the state of the store.

local call, floor, byte, format = redis.call, math.floor, string.byte, string.format

-- The next number of the plan, which is a string of 16-bit numbers.
local plan, planned = ARGV[1], -1
local function word()
  planned = planned + 2
  local high, low = byte(plan, planned, planned + 1)
  return high * 256 + low
end

-- The next argument, the next key.
local given, named = 1, 0
local function argument()
  given = given + 1
  return ARGV[given]
end
local function key()
  named = named + 1
  return KEYS[named]
end

-- Of a number to be part of a string: by itself, a large one would be rounded.
local function digits(value)
  return format('%d', value)
end

local STALE, CORRUPT = 9, 11
local state_key = key()
local state = call('HGET', state_key, 's') or '1 0 0 0 0 0 0 0 1 0'
local version, head, head_tail, commands, time, types, segment, bytes, first, rebuilding =
  string.match(state, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
if version ~= '1' then return { CORRUPT, state_key, 'has another layout' } end
if segment ~= argument() or first ~= argument() then return { STALE } end
head, head_tail, commands = tonumber(head), tonumber(head_tail), tonumber(commands)
