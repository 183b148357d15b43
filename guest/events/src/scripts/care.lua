-- Compares the indexes of some events, which follow each other in one segment, with what they are to be; or makes them.
-- What the events are was read before: it does not change.
--
-- The reply: status, and of a comparison the number of faults, then of the first of them three numbers each: position,
-- which index, which tag. Of the other ways the position up to which a rebuild has come, plus 1.

local DONE, MANY_TYPES = 0, 7
local SHOWN = 100
local CHECK, MAKE, BEGIN, FINISH, CLEAR = 0, 1, 2, 3, 4
local LOG, TYPE, TAG, PAIR, BEHIND = 1, 2, 3, 4, 5

local function words()
  local list = {}
  for i = 1, word() do list[i] = word() end
  return list
end

local way = word()
rebuilding, types, first = tonumber(rebuilding), tonumber(types), tonumber(first)
local function save()
  state = format('3 %d %d %d %s %d %s %s %d %d', head, head_tail, commands, time, types, segment, bytes, first, rebuilding)
  call('HSET', state_key, 's', state)
end

if way == BEGIN then
  if rebuilding == 0 then
    rebuilding, types = 1, 0
    -- What is known of types, and what nobody knows.
    local fields = {}
    for _, field in ipairs(call('HKEYS', state_key)) do
      if not string.find(field, '^[sfw]$') and not string.find(field, '^o%d+$') then fields[#fields + 1] = field end
    end
    for i = 1, #fields, MANY do call('HDEL', state_key, unpack(fields, i, math.min(i + MANY - 1, #fields))) end
    save()
  end
  return { DONE, rebuilding }
end

if way == CLEAR then
  -- Once something was made, it is not cleared by another one who is late.
  if rebuilding == 1 then
    for i = 2, #KEYS do call('UNLINK', KEYS[i]) end
  end
  return { DONE, rebuilding }
end

if way == FINISH then
  -- An append that came to nothing may have counted more events, and a command. No other could follow it.
  head, head_tail, rebuilding = tonumber(argument()), tonumber(argument()), 0
  if commands > 0 and call('HEXISTS', KEYS[2], 'c' .. digits(commands)) == 0 then commands = commands - 1 end
  if first > head + 1 or tonumber(argument()) > commands + 1 then
    first = math.min(first, head + 1)
    call('HSET', state_key, 'o' .. segment, format('%d %d %s', first, commands + 1, time))
  end
  call('DEL', KEYS[3])
  if head > 0 then call('XADD', KEYS[3], digits(head) .. '-0', 'e', '1') end
  save()
  return { DONE, 0 }
end

local events_key, log_key = key(), key()
local from, base, count = tonumber(argument()), tonumber(argument()), word()
-- Somebody else was here before.
if way == MAKE and rebuilding ~= from then return { DONE, rebuilding } end

-- The first arguments are the fields of types, of each that of its number and that of its last position.
local numbers, lasts = {}, {}
for i = 1, word() do
  local number = known[2 * i]
  numbers[i], lasts[i] = number and tonumber(number), tonumber(known[2 * i + 1] or 0)
end
local lists, shards = {}, {}
for i = 1, word() do lists[i], shards[i] = key(), key() end
local before_tag = #state_key + 2
local function pair(kind, tag)
  return kind .. ':' .. string.sub(lists[tag], before_tag)
end

if way == MAKE then
  for i = 1, count do
    local position, tail, kind = digits(from + i - 1), tonumber(argument()), word()
    if not numbers[kind] then
      if types == TYPES then return { MANY_TYPES } end
      numbers[kind], types = types, types + 1
      call('HSET', state_key, arguments[2 * kind], digits(numbers[kind]))
    end
    call('RPUSH', log_key, digits(tail * TYPES + numbers[kind]))
    call('HSET', state_key, arguments[2 * kind + 1], position)
    for _, tag in ipairs(words()) do
      call('RPUSH', lists[tag], digits(position * PLACES + numbers[kind]))
      call('HSET', shards[tag], pair(numbers[kind], tag), position)
    end
  end
  rebuilding = from + count
  save()
  return { DONE, rebuilding }
end

local reply = { DONE, 0 }
local function fault(position, which, tag)
  reply[2] = reply[2] + 1
  if reply[2] > SHOWN then return end
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = position, which, tag
end

local function has(list, entry)
  local low, high = 0, call('LLEN', list)
  while low < high do
    local middle = floor((low + high) / 2)
    if tonumber(call('LINDEX', list, digits(middle))) < entry then low = middle + 1 else high = middle end
  end
  return tonumber(call('LINDEX', list, digits(low)) or -1) == entry
end

local log = call('LRANGE', log_key, digits(from - base), digits(from - base + count - 1))
for i = 1, count do
  local position, tail, kind, tags = from + i - 1, tonumber(argument()), word(), words()
  local number = numbers[kind]
  if not number or tonumber(log[i] or -1) ~= tail * TYPES + number then fault(position, LOG, 0) end
  if lasts[kind] < position or lasts[kind] > head then fault(position, TYPE, 0) end
  for _, tag in ipairs(tags) do
    if not number or not has(lists[tag], position * PLACES + number) then fault(position, TAG, tag) end
    local last = number and tonumber(call('HGET', shards[tag], pair(number, tag)) or 0) or 0
    if last < position or (last > position and not has(lists[tag], last * PLACES + number)) then
      fault(position, PAIR, tag)
    end
  end
end
if from + count - 1 == head then
  local ends = call('LLEN', log_key) == head + 1 - base
  if not ends or call('HEXISTS', events_key, digits(head + 1)) > 0 then fault(head, BEHIND, 0) end
end
return reply
