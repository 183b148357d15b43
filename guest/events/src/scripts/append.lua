-- Appends events and a command's record, unless a condition, a lock or a marker forbids it. There is no way back in
-- Lua: what can fail comes before the first write, reading each key, so that one of another kind is found out.
--
-- The reply is a status, as in `status.rs`, and numbers.

local APPENDED, REPEATED, REUSED, CONFLICT, AHEAD, REWRITTEN, BROAD, MANY_TYPES, LOST, REBUILDING =
  0, 1, 2, 3, 4, 5, 6, 7, 8, 10
-- Arguments of one call; Lua's stack is finite.
local MANY = 500

if rebuilding ~= '0' then return { REBUILDING } end
local types_key, events_key, log_key, bell_key = key(), key(), key(), key()

-- Before all else: an append that comes again conflicts with itself, and its locks may be gone.
local marker_key, fingerprint, ttl
if word() > 0 then
  marker_key, fingerprint, ttl = key(), argument(), argument()
  local marker = call('GET', marker_key)
  if marker then
    local was, one, last, order, id = string.match(marker, '^(%x+) (%d+) (%d+) (%d+) (%d+)$')
    if not was then return { CORRUPT, marker_key, 'is no marker' } end
    if was ~= fingerprint then return { REUSED } end
    return { REPEATED, tonumber(one), tonumber(last), tonumber(order), tonumber(id) }
  end
end

for i = 1, word() do
  if call('GET', key()) ~= argument() then return { LOST, i - 1 } end
end

local limit = tonumber(argument())
local conditional, after, budget = word() > 0, 0, nil
if conditional then
  budget, after = { left = tonumber(argument()) }, tonumber(argument())
  if after > head then return { AHEAD, head } end
  if not is_there(after, tonumber(argument()), argument(), key()) then return { REWRITTEN, after } end
end

-- Types, by their places in the plan: names, numbers if they have one, last positions.
local names, numbers, lasts = {}, {}, {}
local function look_up(from, to)
  local fields = {}
  for i = from, to do
    local name = argument()
    names[i] = name
    fields[#fields + 1] = 'n' .. name
    fields[#fields + 1] = 'p' .. name
  end
  local found = call('HMGET', types_key, unpack(fields))
  for i = from, to do
    local place = 2 * (i - from) + 1
    numbers[i] = found[place] and tonumber(found[place])
    lasts[i] = tonumber(found[place + 1] or 0)
  end
end
local type_count = word()
for from = 1, type_count, MANY do look_up(from, math.min(from + MANY - 1, type_count)) end

-- Tags, by their places in the plan: their lists, where their last positions by type are, their own last positions.
local lists, shards, tag_lasts = {}, {}, {}
for i = 1, word() do
  local list, shard = key(), key()
  local last = call('LINDEX', list, -1)
  lists[i], shards[i], tag_lasts[i] = list, shard, last and floor(last / TYPES) or 0
end

-- Field of a shard: a type's number and a tag, cut out of its list's key.
local before_tag = #state_key + 2
local function pair(kind, tag)
  return kind .. ':' .. string.sub(lists[tag], before_tag)
end

-- The last event with this tag and any of these types.
local function last_of_pair(tag, among)
  local fields, last = {}, 0
  for i = 1, #among do
    local kind = numbers[among[i]]
    if kind then fields[#fields + 1] = pair(kind, tag) end
  end
  if #fields > 0 then
    for _, value in ipairs(call('HMGET', shards[tag], unpack(fields))) do
      last = math.max(last, tonumber(value or 0))
    end
  end
  return last
end

-- The last event that has the item's types and tags, or one not behind `after`; nil if the budget does not suffice.
local function last_match(among, tags)
  local last = head
  if #tags == 0 then
    if #among > 0 then last = 0 end
    for i = 1, #among do last = math.max(last, lasts[among[i]]) end
    return last
  end
  -- Exact for one tag. For more: none is later than the earliest of these.
  for i = 1, #tags do last = math.min(last, tag_lasts[tags[i]]) end
  if last <= after or (#tags == 1 and #among == 0) then return last end
  if #among > 0 then
    for i = 1, #tags do last = math.min(last, last_of_pair(tags[i], among)) end
    if last <= after or #tags == 1 then return last end
  end
  local open, advance = matcher(-1, after + 1, 8, budget)
  local item = { streams = {} }
  for i, tag in ipairs(tags) do item.streams[i] = open(lists[tag], last) end
  if #among > 0 then
    item.types = {}
    for _, kind in ipairs(among) do
      if numbers[kind] then item.types[numbers[kind]] = true end
    end
  end
  advance(item, last)
  if item.over then return nil end
  return item.at or 0
end

if conditional then
  for _ = 1, word() do
    local last = last_match(words(), words())
    if not last then return { BROAD } end
    if last > after then return { CONFLICT, head, last } end
  end
end

-- What is written: bodies and records by field, entries of the log, places of types and tags.
local clock = call('TIME')
local now = digits(math.max(tonumber(time), clock[1] * 1000 + floor(clock[2] / 1000)))
local has_command, count = word() > 0, word()
local from, last = 0, head + count
if count > 0 then from = head + 1 end
local fields, order = {}, '0'
bytes, segment, first = tonumber(bytes), tonumber(segment), tonumber(first)
if has_command then
  commands = commands + 1
  order = digits(commands)
  -- Joined, as `%s` may end at a zero byte.
  local record = format('%s,%d,%d,', now, from, count > 0 and last or 0) .. argument()
  fields[1], fields[2], bytes = 'c' .. order, record, bytes + #record
end
local kinds, event_tags, entries, used = {}, {}, {}, {}
local prefix = now .. ',' .. order .. ','
for i = 1, count do
  local body = prefix .. argument()
  bytes = bytes + #body
  fields[#fields + 1] = digits(head + i)
  fields[#fields + 1] = body
  head_tail = tonumber(argument())
  kinds[i], entries[i], event_tags[i] = word(), head_tail, words()
  used[kinds[i]] = 'known'
end
types = tonumber(types)
for i = 1, type_count do
  if used[i] and not numbers[i] then
    if types == TYPES then return { MANY_TYPES } end
    numbers[i], used[i] = types, 'new'
    types = types + 1
  end
end

-- What is there must be as the last append left it.
if call('HEXISTS', events_key, digits(head + 1)) > 0 then
  return { CORRUPT, events_key, 'has an event behind the head' }
end
if count > 0 then
  if call('LLEN', log_key) ~= head + 1 - first then return { CORRUPT, log_key, 'does not end at the head' } end
  call('XLEN', bell_key)
  for i = 1, #shards do call('HLEN', shards[i]) end
end

local function call_all(name, to, values)
  if #values <= MANY then return call(name, to, unpack(values)) end
  for low = 1, #values, MANY do call(name, to, unpack(values, low, math.min(low + MANY - 1, #values))) end
end

-- The state first: if what follows fails, there is a gap to be seen, and nothing is written over.
local begun
if bytes >= limit then
  begun, bytes, segment, first = true, 0, segment + 1, last + 1
end
state = format('1 %d %d %d %s %d %d %d %d 0', last, head_tail, commands, now, types, segment, bytes, first)
call('HSET', state_key, 's', state)
if time == '0' then call('HSET', state_key, 'o0', '1 1 ' .. now) end
if begun then call('HSET', state_key, 'o' .. digits(segment), format('%d %d %s', first, commands + 1, now)) end

call_all('HSET', events_key, fields)
for i = 1, count do
  local kind, position = numbers[kinds[i]], digits(head + i)
  local entry = digits((head + i) * TYPES + kind)
  entries[i] = digits(entries[i] * TYPES + kind)
  lasts[kinds[i]] = position
  local tags = event_tags[i]
  for place = 1, #tags do
    local tag = tags[place]
    call('RPUSH', lists[tag], entry)
    call('HSET', shards[tag], pair(kind, tag), position)
  end
end
if count > 0 then
  call_all('RPUSH', log_key, entries)
  local seen = {}
  for i, how in pairs(used) do
    seen[#seen + 1] = 'p' .. names[i]
    seen[#seen + 1] = lasts[i]
    if how == 'new' then
      seen[#seen + 1] = 'n' .. names[i]
      seen[#seen + 1] = digits(numbers[i])
    end
  end
  call_all('HSET', types_key, seen)
  call('XADD', bell_key, 'MAXLEN', '~', '256', digits(last) .. '-0', 'e', '1')
end
if marker_key then
  local marker = format('%s %d %d %s %d', fingerprint, from, last, order, head_tail)
  if ttl == '0' then call('SET', marker_key, marker) else call('SET', marker_key, marker, 'PX', ttl) end
end
return { APPENDED, from, last, tonumber(order), head_tail }
