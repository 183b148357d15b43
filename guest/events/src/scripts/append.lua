-- Appends events and a command's record, unless a condition, a lock or a marker forbids it. There is no way back in
-- Lua: a write that fails, on a key of another kind or that is not as the last append left it, has what was written
-- before taken back.
--
-- The reply is a status, as in `status.rs`, and numbers.

local APPENDED, REPEATED, REUSED, CONFLICT, AHEAD, REWRITTEN, BROAD, MANY_TYPES, LOST, REBUILDING =
  0, 1, 2, 3, 4, 5, 6, 7, 8, 10

if rebuilding ~= '0' then return { REBUILDING } end
local events_key, log_key, bell_key = key(), key(), key()

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
-- Nothing is behind the head.
local to_check = conditional and after < head

-- What is known of the plan's types, by their places in it, is their number at `2 * place + 1`, and behind it their
-- last position; in front of all until when somebody listens to the bell.
local listening = tonumber(known[2] or 0)

-- Tags, by their places in the plan: keys name their lists, and where their last positions by type are.
local tags_at, tag_count, tag_lasts = named, word(), {}
local function last_of_tag(tag)
  local last = tag_lasts[tag]
  if not last then
    local entry = call('LINDEX', keys[tags_at + 2 * tag - 1], '-1')
    last = entry and floor(entry / PLACES) or 0
    tag_lasts[tag] = last
  end
  return last
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
    local number = known[2 * plan[i] + 1]
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
    for i = one_type, last_type do last = math.max(last, tonumber(known[2 * plan[i] + 2] or 0)) end
    return last
  end
  -- Exact for one tag. For more: none is later than the earliest of these.
  for i = one_tag, last_tag do
    last = math.min(last, last_of_tag(plan[i]))
    if last <= after then return last end
  end
  if one_tag == last_tag and any_type then return last end
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
      local number = known[2 * plan[i] + 1]
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
    local one_tag, last_tag = places()
    if to_check then
      local last = last_match(one_type, last_type, one_tag, last_tag)
      if not last then return { BROAD } end
      if last > after then return { CONFLICT, head, last } end
    end
  end
end

-- What is written: a record, and bodies behind a prefix. The plan has of each event its type, and its tags.
local clock = call('TIME')
local milliseconds = clock[1] * 1000 + floor(clock[2] / 1000)
local now = digits(math.max(tonumber(time), milliseconds))
local has_command, count = word() > 0, word()
local from, last = 0, head + count
if count > 0 then from = head + 1 end
bytes, segment, types = tonumber(bytes), tonumber(segment), tonumber(types)
local order, record, began = '0', nil, tonumber(first)
if has_command then
  commands = commands + 1
  order = digits(commands)
  -- Joined, as `%s` may end at a zero byte.
  record = format('%s,%d,%d,', now, from, count > 0 and last or 0) .. argument()
  bytes = bytes + #record
end
local prefix = now .. ',' .. order .. ','

local bodies_at, events_at, lasts, added, first_tag = given, planned, {}, {}, nil
local states = { 's', '' }
for i = 1, count do
  bytes = bytes + #prefix + #arguments[bodies_at + 2 * i - 1]
  local kind = word()
  local number = 2 * kind + 1
  if not known[number] then
    if types == TYPES then return { MANY_TYPES } end
    known[number] = digits(types)
    added[#added + 1] = arguments[number]
    states[#states + 1], states[#states + 2] = arguments[number], known[number]
    types = types + 1
  end
  lasts[kind] = digits(head + i)
  local one, final = places()
  if one <= final then first_tag = first_tag or plan[one] end
end
if count > 0 then head_tail = tonumber(arguments[bodies_at + 2 * count]) end
for kind, position in pairs(lasts) do
  local field = arguments[2 * kind + 2]
  if not known[2 * kind + 2] then added[#added + 1] = field end
  states[#states + 1], states[#states + 2] = field, position
end
if time == '0' then
  added[#added + 1] = 'o0'
  states[#states + 1], states[#states + 2] = 'o0', '1 1 ' .. now
end
if bytes >= limit then
  bytes, segment, began = 0, segment + 1, last + 1
  local field = 'o' .. digits(segment)
  added[#added + 1] = field
  states[#states + 1], states[#states + 2] = field, format('%d %d %s', began, commands + 1, now)
end
states[2] = format('3 %d %d %d %s %d %d %d %d 0', last, head_tail, commands, now, types, segment, bytes, began)

-- Whether a write was refused.
local failed
local function refused(reply)
  if type(reply) == 'table' and reply.err then failed = reply end
  return failed
end

-- The state is the first: should one who may not take back what he wrote fail, there is a gap to be seen, and nothing
-- is written over. Of the shards, which are the last, only the first tag's may fail, as then nothing of them is to be
-- taken back.
-- Functions and tables would take as long as a write.
local try = redis.pcall
local set, rung, recorded, stored, logged, marked, listed = false, false, false, 0, 0, false, 0
for i = 1, tag_count do
  if i ~= first_tag then call('HLEN', keys[tags_at + 2 * i]) end
end
repeat
  for one = 1, #states, MANY do
    if refused(try('HSET', state_key, unpack(states, one, math.min(one + MANY - 1, #states)))) then break end
  end
  if failed then break end
  set = true
  -- The first append rings for nobody, but makes the key: while a slot moves, a key that is not there lets nobody
  -- append.
  if count > 0 and (milliseconds < listening or head == 0) then
    if refused(try('XADD', bell_key, 'MAXLEN', '~', '256', digits(last) .. '-0', 'e', '1')) then break end
    rung = true
  end
  if record then
    if refused(try('HSET', events_key, 'c' .. order, record)) then break end
    recorded = true
  end
  given, planned = bodies_at, events_at
  for i = 1, count do
    local body, tail, kind = argument(), argument(), word()
    local new = try('HSETNX', events_key, digits(head + i), prefix .. body)
    if new == 0 then failed = { CORRUPT, events_key, 'has an event behind the head' } end
    if failed or refused(new) then break end
    stored = i
    local number = known[2 * kind + 1]
    local length = try('RPUSH', log_key, digits(tail * TYPES + number))
    if refused(length) then break end
    logged = i
    if length ~= head + i + 1 - first then failed = { CORRUPT, log_key, 'does not end at the head' } break end
    local one, final = places()
    if one <= final then
      local entry = digits((head + i) * PLACES + number)
      for place = one, final do
        if refused(try('RPUSH', keys[tags_at + 2 * plan[place] - 1], entry)) then break end
        listed = listed + 1
      end
      if failed then break end
    end
  end
  if failed then break end
  if marker_key then
    local marker = format('%s %d %d %s %d', fingerprint, from, last, order, head_tail)
    if ttl == '0' then refused(try('SET', marker_key, marker)) else refused(try('SET', marker_key, marker, 'PX', ttl)) end
    if failed then break end
    marked = true
  end
  planned = events_at
  for i = 1, count do
    local number, position = known[2 * word() + 1], digits(head + i)
    local one, final = places()
    for place = one, final do
      local tag = plan[place]
      if refused(try('HSET', keys[tags_at + 2 * tag], pair(number, tag), position)) then break end
    end
    if failed then break end
  end
until true
if not failed then return { APPENDED, from, last, tonumber(order), head_tail } end

planned = events_at
for i = 1, count do
  word()
  local one, final = places()
  for place = one, math.min(final, one + listed - 1) do try('RPOP', keys[tags_at + 2 * plan[place] - 1]) end
  listed = listed - math.max(0, math.min(listed, final - one + 1))
end
if marked then try('DEL', marker_key) end
for i = 1, logged do try('RPOP', log_key) end
for i = 1, stored do try('HDEL', events_key, digits(head + i)) end
if recorded then try('HDEL', events_key, 'c' .. order) end
if rung then
  -- A stream takes no id again. Who has not heard the last one yet is to hear it; an empty store has none.
  try('DEL', bell_key)
  try('XADD', bell_key, digits(head) .. '-0', 'e', '1')
end
if set then
  for i = 1, #added do try('HDEL', state_key, added[i]) end
  for kind in pairs(lasts) do
    local was = known[2 * kind + 2]
    if was then try('HSET', state_key, arguments[2 * kind + 2], was) end
  end
  if time == '0' then try('HDEL', state_key, 's') else try('HSET', state_key, 's', state) end
end
return failed
