-- Appends events and a command's record, unless a condition, a lock or a marker forbids it. There is no way back in
-- Lua: what can fail comes before the first write, reading each key, so that one of another kind is found out.
--
-- The reply is a status, as in `status.rs`, and numbers.

local APPENDED, REPEATED, REUSED, CONFLICT, AHEAD, REWRITTEN, BROAD, TYPE, LOST, STALE, REBUILDING, CORRUPT =
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
-- Arguments of one call; Lua's stack is finite.
local MANY = 500

local meta_key, types_key, events_key, log_key, bell_key = key(), key(), key(), key(), key()
local segment, first = argument(), argument()
local meta = call('HMGET', meta_key, 'v', 'head', 'ht', 'c', 'ms', 'n', 's', 'sb', 'r', 'o' .. segment)
if meta[1] and meta[1] ~= '1' then return { CORRUPT, meta_key, 'has another layout' } end
local begins = meta[10] and string.match(meta[10], '^%d+') or '1'
if (meta[7] or '0') ~= segment or begins ~= first then return { STALE } end
if meta[9] then return { REBUILDING } end
local head, head_tail, command, types, bytes =
  tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0), tonumber(meta[6] or 0), tonumber(meta[8] or 0)

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

local limit = number()
local conditional, after = word() > 0, 0
if conditional then
  left, after = number(), number()
  stop = after + 1
  if after > head then return { AHEAD, head } end
  local id, index, list = tail(), argument(), key()
  if after > 0 then
    local there = head_tail
    if after < head then
      there = call('LINDEX', list, index)
      if not there then return { CORRUPT, list, 'is too short' } end
      there = floor(there / TYPES)
    end
    if there ~= id then return { REWRITTEN, after } end
  end
end

-- Types, by their places in the plan: names, numbers if they have one, last positions.
local names, numbers, lasts = {}, {}, {}
local function look_up(from, to)
  local fields = {}
  for i = from, to do
    names[i] = argument()
    fields[#fields + 1] = 'n' .. names[i]
    fields[#fields + 1] = 'p' .. names[i]
  end
  local found = call('HMGET', types_key, unpack(fields))
  for i = from, to do
    local place = 2 * (i - from) + 1
    numbers[i] = found[place] and tonumber(found[place])
    lasts[i] = found[place + 1] and tonumber(found[place + 1]) or 0
  end
end
local type_count = word()
for from = 1, type_count, MANY do look_up(from, math.min(from + MANY - 1, type_count)) end

-- Tags, by their places in the plan: their lists, where their last positions by type are, their own last positions.
local lists, pairs_keys, tag_lasts = {}, {}, {}
for i = 1, word() do
  lists[i], pairs_keys[i] = key(), key()
  local last = call('LINDEX', lists[i], -1)
  tag_lasts[i] = last and floor(last / TYPES) or 0
end
-- What a key of a tag has before the tag.
local before_tag = #meta_key + 2

-- The last event with this tag and any of these types.
local function last_of_pair(tag, among)
  local fields, suffix = {}, ':' .. string.sub(lists[tag], before_tag)
  for _, kind in ipairs(among) do
    if numbers[kind] then fields[#fields + 1] = numbers[kind] .. suffix end
  end
  local last = 0
  if #fields > 0 then
    for _, value in ipairs(call('HMGET', pairs_keys[tag], unpack(fields))) do
      last = math.max(last, tonumber(value or 0))
    end
  end
  return last
end

-- The last event that has the item's types and tags, or one not behind `after`; nil if the budget does not suffice.
local function last_match(among, tags)
  if #tags == 0 then
    local last = #among == 0 and head or 0
    for _, kind in ipairs(among) do last = math.max(last, lasts[kind]) end
    return last
  end
  -- Exact for one tag. For more: none is later than the earliest of these.
  local last = head
  for _, tag in ipairs(tags) do last = math.min(last, tag_lasts[tag]) end
  if last <= after or (#tags == 1 and #among == 0) then return last end
  if #among > 0 then
    for _, tag in ipairs(tags) do last = math.min(last, last_of_pair(tag, among)) end
    if last <= after or #tags == 1 then return last end
  end
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

-- What is written: bodies and records by field, entries of the log, and of the tags by their places in the plan.
local fields, entries, event_tags, used = {}, {}, {}, {}
local kinds = {}
local time = call('TIME')
local now = math.max(tonumber(meta[5] or 0), time[1] * 1000 + floor(time[2] / 1000))
local has_command, count = word() > 0, word()
local from = count > 0 and head + 1 or 0
local last = head + count
if has_command then
  command = command + 1
  local to = count > 0 and last or 0
  local record = digits(now) .. ',' .. digits(from) .. ',' .. digits(to) .. ',' .. argument()
  fields[1], fields[2], bytes = 'c' .. digits(command), record, bytes + #record
end
local prefix = digits(now) .. ',' .. (has_command and digits(command) or '0') .. ','
for i = 1, count do
  local body = prefix .. argument()
  bytes = bytes + #body
  fields[#fields + 1] = head + i
  fields[#fields + 1] = body
  kinds[i], head_tail, event_tags[i] = word(), tail(), words()
  entries[i] = head_tail
  used[kinds[i]] = true
end
for i = 1, type_count do
  if used[i] and not numbers[i] then
    if types == TYPES then return { TYPE } end
    numbers[i] = types
    types = types + 1
    used[i] = 'new'
  end
end

-- What is there must be as the last append left it.
if call('HEXISTS', events_key, head + 1) > 0 then return { CORRUPT, events_key, 'has an event behind the head' } end
if count > 0 then
  if call('LLEN', log_key) ~= head + 1 - first then return { CORRUPT, log_key, 'does not end at the head' } end
  call('XLEN', bell_key)
  for i = 1, #pairs_keys do call('HLEN', pairs_keys[i]) end
end

local function call_all(name, to, values)
  for low = 1, #values, MANY do call(name, to, unpack(values, low, math.min(low + MANY - 1, #values))) end
end

-- The head first: if what follows fails, there is a gap to be seen, and nothing is written over.
local state = { 'head', last, 'ht', head_tail, 'ms', now }
local function set(name, value)
  state[#state + 1] = name
  state[#state + 1] = value
end
if not meta[1] then
  set('v', 1)
  set('s', 0)
  set('o0', '1 1 ' .. digits(now))
end
if has_command then set('c', command) end
set('n', types)
if bytes >= limit then
  bytes, segment = 0, digits(segment + 1)
  set('s', segment)
  set('o' .. segment, digits(last + 1) .. ' ' .. digits(command + 1) .. ' ' .. digits(now))
end
set('sb', bytes)
call('HSET', meta_key, unpack(state))

call_all('HSET', events_key, fields)
for i = 1, count do
  local position, kind = head + i, numbers[kinds[i]]
  local entry = position * TYPES + kind
  lasts[kinds[i]] = position
  entries[i] = entries[i] * TYPES + kind
  for _, tag in ipairs(event_tags[i]) do
    call('RPUSH', lists[tag], entry)
    call('HSET', pairs_keys[tag], kind .. ':' .. string.sub(lists[tag], before_tag), position)
  end
end
if count > 0 then
  call_all('RPUSH', log_key, entries)
  local seen = {}
  for i = 1, type_count do
    if used[i] then
      seen[#seen + 1] = 'p' .. names[i]
      seen[#seen + 1] = lasts[i]
    end
    if used[i] == 'new' then
      seen[#seen + 1] = 'n' .. names[i]
      seen[#seen + 1] = numbers[i]
    end
  end
  call_all('HSET', types_key, seen)
  call('XADD', bell_key, 'MAXLEN', '~', 256, digits(last) .. '-0', 'e', 1)
end
if marker_key then
  local marker = table.concat({ fingerprint, digits(from), digits(last), digits(has_command and command or 0), digits(head_tail) }, ' ')
  if ttl == '0' then call('SET', marker_key, marker) else call('SET', marker_key, marker, 'PX', ttl) end
end
return { APPENDED, from, last, has_command and command or 0, head_tail }
