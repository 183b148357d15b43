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

-- Types, by their places in the plan: arguments name the fields of their numbers and last positions, and these are what
-- is there.
local types_at, known = given, {}
given = given + 2 * word()
for from = types_at + 1, given, MANY do
  local values = call('HMGET', types_key, unpack(arguments, from, math.min(from + MANY - 1, given)))
  if given - types_at <= MANY then known = values break end
  for i = 1, #values do known[from - types_at + i - 1] = values[i] end
end

-- Tags, by their places in the plan: keys name their lists, and where their last positions by type are.
local tags_at, tag_count, tag_lasts = named, word(), {}
for i = 1, tag_count do
  local list = keys[tags_at + 2 * i - 1]
  if conditional then
    local last = call('LINDEX', list, '-1')
    tag_lasts[i] = last and floor(last / TYPES) or 0
  else
    call('LLEN', list)
  end
end

-- Field of a shard: a type's number and a tag, cut out of its list's key.
local before_tag = #state_key + 2
local function pair(number, tag)
  return number .. ':' .. string.sub(keys[tags_at + 2 * tag - 1], before_tag)
end

-- The last event with this tag and any of the types at these places of the plan.
local function last_of_pair(tag, one_type, last_type)
  local last = 0
  for i = one_type, last_type do
    local number = known[2 * plan[i] - 1]
    local position = number and call('HGET', keys[tags_at + 2 * tag], pair(number, tag))
    if position then last = math.max(last, tonumber(position)) end
  end
  return last
end

-- The last event that has an item's types and tags, which are at these places of the plan, or one not behind `after`;
-- nil if the budget does not suffice.
local function last_match(one_type, last_type, one_tag, last_tag)
  local last, any_type = head, one_type > last_type
  if one_tag > last_tag then
    if not any_type then last = 0 end
    for i = one_type, last_type do last = math.max(last, tonumber(known[2 * plan[i]] or 0)) end
    return last
  end
  -- Exact for one tag. For more: none is later than the earliest of these.
  for i = one_tag, last_tag do last = math.min(last, tag_lasts[plan[i]]) end
  if last <= after or (one_tag == last_tag and any_type) then return last end
  if not any_type then
    for i = one_tag, last_tag do last = math.min(last, last_of_pair(plan[i], one_type, last_type)) end
    if last <= after or one_tag == last_tag then return last end
  end
  local open, advance = matcher(-1, after + 1, 8, budget)
  local item = { streams = {} }
  for i = one_tag, last_tag do item.streams[i - one_tag + 1] = open(keys[tags_at + 2 * plan[i] - 1], last) end
  if not any_type then
    item.types = {}
    for i = one_type, last_type do
      local number = known[2 * plan[i] - 1]
      if number then item.types[tonumber(number)] = true end
    end
  end
  advance(item, last)
  if item.over then return nil end
  return item.at or 0
end

-- The next places of the plan, as many as it says: the first of them, and the last.
local function places()
  local one, last = planned + 2, planned + 1 + plan[planned + 1]
  planned = last
  return one, last
end

if conditional then
  for _ = 1, word() do
    local one_type, last_type = places()
    local last = last_match(one_type, last_type, places())
    if not last then return { BROAD } end
    if last > after then return { CONFLICT, head, last } end
  end
end

-- What is written: a record, and bodies behind a prefix. The plan has of each event its type, and its tags.
local clock = call('TIME')
local now = digits(math.max(tonumber(time), clock[1] * 1000 + floor(clock[2] / 1000)))
local has_command, count = word() > 0, word()
local from, last = 0, head + count
if count > 0 then from = head + 1 end
bytes, segment, first, types = tonumber(bytes), tonumber(segment), tonumber(first), tonumber(types)
local order, record = '0', nil
if has_command then
  commands = commands + 1
  order = digits(commands)
  -- Joined, as `%s` may end at a zero byte.
  record = format('%s,%d,%d,', now, from, count > 0 and last or 0) .. argument()
  bytes = bytes + #record
end
local prefix = now .. ',' .. order .. ','
local bodies_at, events_at, fresh = given, planned, {}
for i = 1, count do
  bytes = bytes + #prefix + #arguments[bodies_at + 2 * i - 1]
  local number = 2 * word() - 1
  if not known[number] then
    if types == TYPES then return { MANY_TYPES } end
    known[number] = digits(types)
    fresh[#fresh + 1] = number
    types = types + 1
  end
  places()
end

-- What is there must be as the last append left it.
if call('HEXISTS', events_key, digits(head + 1)) > 0 then
  return { CORRUPT, events_key, 'has an event behind the head' }
end
if count > 0 then
  if call('LLEN', log_key) ~= head + 1 - first then return { CORRUPT, log_key, 'does not end at the head' } end
  call('XLEN', bell_key)
  for i = 1, tag_count do call('HLEN', keys[tags_at + 2 * i]) end
  head_tail = tonumber(arguments[bodies_at + 2 * count])
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

if record then call('HSET', events_key, 'c' .. order, record) end
planned = events_at
local lasts = {}
for i = 1, count do
  local kind = word()
  local number, position = known[2 * kind - 1], digits(head + i)
  local entry = digits((head + i) * TYPES + number)
  lasts[kind] = position
  call('HSET', events_key, position, prefix .. arguments[bodies_at + 2 * i - 1])
  call('RPUSH', log_key, digits(arguments[bodies_at + 2 * i] * TYPES + number))
  local one, final = places()
  for place = one, final do
    local tag = plan[place]
    call('RPUSH', keys[tags_at + 2 * tag - 1], entry)
    call('HSET', keys[tags_at + 2 * tag], pair(number, tag), position)
  end
end
for i = 1, #fresh do call('HSET', types_key, arguments[types_at + fresh[i]], known[fresh[i]]) end
for kind, position in pairs(lasts) do call('HSET', types_key, arguments[types_at + 2 * kind], position) end
if count > 0 then call('XADD', bell_key, 'MAXLEN', '~', '256', digits(last) .. '-0', 'e', '1') end
if marker_key then
  local marker = format('%s %d %d %s %d', fingerprint, from, last, order, head_tail)
  if ttl == '0' then call('SET', marker_key, marker) else call('SET', marker_key, marker, 'PX', ttl) end
end
return { APPENDED, from, last, tonumber(order), head_tail }
