-- Comes before the others: what they are told, and the state of the store.

local call, floor, format = redis.call, math.floor, string.format
local keys, arguments = KEYS, ARGV

-- The plan, which is a string: numbers of a byte each, or of 255 and two bytes.
local source = arguments[1]
local plan, planned = { string.byte(source, 1, 4000) }, 0
for from = 4001, #source, 4000 do
  for i, value in ipairs({ string.byte(source, from, from + 3999) }) do plan[from + i - 1] = value end
end
if string.find(source, '\255', 1, true) then
  local size, at = 0, 1
  while plan[at] do
    local value = plan[at]
    if value == 255 then value, at = plan[at + 1] * 256 + plan[at + 2], at + 2 end
    size, at = size + 1, at + 1
    plan[size] = value
  end
end
local function word()
  planned = planned + 1
  return plan[planned]
end

-- The next argument, the next key.
local given, named = 1, 0
local function argument()
  given = given + 1
  return arguments[given]
end
local function key()
  named = named + 1
  return keys[named]
end

-- Of a number to be part of a string: by itself, a large one would be rounded.
local function digits(value)
  return format('%d', value)
end

-- How many types there are at most, and what a position is multiplied by in the list of a tag, whose entries have a
-- type's number behind it: powers of two and of ten, as there a position is to be cut out by its digits.
local TYPES, PLACES = 4096, 10000
-- Arguments of one call; Lua's stack is finite. Even, so that fields and values stay together.
local MANY = 500
local STALE, CORRUPT = 9, 11

-- The state, and other fields of its hash, which the first arguments name: what is there has the place of its name.
local state_key = key()
given = 1 + word()
local known = call('HMGET', state_key, 's', unpack(arguments, 2, math.min(given, MANY)))
for from = MANY + 1, given, MANY do
  local values = call('HMGET', state_key, unpack(arguments, from, math.min(from + MANY - 1, given)))
  for i = 1, #values do known[from + i - 1] = values[i] end
end
local state = known[1] or '3 0 0 0 0 0 0 0 1 0'
local version, head, head_tail, commands, time, types, segment, bytes, first, rebuilding =
  string.match(state, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
if version ~= '3' then return { CORRUPT, state_key, 'has another layout: what wrote it can export it' } end
if segment ~= argument() or first ~= argument() then return { STALE } end
head, head_tail, commands = tonumber(head), tonumber(head_tail), tonumber(commands)
