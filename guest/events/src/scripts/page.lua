-- Reads a page of events: positions that match any of some items, in order, and bodies as far as their segments are
-- among the keys. Ends early when the budget is used up.
--
-- The reply: status, head, the tail of its id, up to where was looked, whether that is the end, the positions, many of
-- them in one string, and the bodies.

local PAGE, AHEAD, REWRITTEN, REBUILDING = 0, 4, 5, 10

-- What is not there yet would be passed over.
if rebuilding ~= '0' then return { REBUILDING } end
if word() > 0 then
  local position = tonumber(argument())
  if position > head then return { AHEAD, head } end
  if not is_there(position, tonumber(argument()), argument(), key()) then return { REWRITTEN, position } end
end

-- From the first position to the last, both counted.
local upwards = word() > 0
local from, till = tonumber(argument()), argument()
local limit, enough, budget = tonumber(argument()), tonumber(argument()), { left = tonumber(argument()) }
till = till == '' and head or math.min(tonumber(till), head)
local way, position, stop = 1, from + 1, till
if not upwards then
  way, position, stop = -1, from == 0 and till or math.min(from - 1, till), 1
end

-- Segments next to each other. Of each there are two arguments, its first position and the first one behind it, and two
-- keys, of its log and its events.
local segments, bounds_at, logs_at = word(), given, named
given, named = given + 2 * segments, named + 2 * segments
local function segment_of(at)
  for i = 1, 2 * segments, 2 do
    local low, behind = tonumber(arguments[bounds_at + i]), tonumber(arguments[bounds_at + i + 1])
    if at >= low and at < behind then return low, behind, keys[logs_at + i], keys[logs_at + i + 1] end
  end
end

local lists_at, list_count, item_count = named, word(), word()

-- Of many lists, the first entries alone could be more than the budget.
local LARGE = 256
local chunk_size = math.min(limit, LARGE)
if list_count > 1 then chunk_size = math.min(chunk_size, math.max(8, floor(budget.left / list_count / 4))) end
-- Positions are kept as they are asked for, in digits.
local cut = string.sub
local positions, count, looked = {}, 0, position - way
local broken

-- The types of the item that the plan has next, as a set of their numbers, which are known by their places in the plan:
-- nil for any, false if none of them has one.
local function item_types()
  local among = word()
  if among == 0 then return nil end
  local set, any = {}, false
  for _ = 1, among do
    local number = known[1 + word()]
    if number then set[tonumber(number)], any = true, true end
  end
  return any and set
end

-- Whether that was all. There are three ways to read, and most reads go the first: what one list has from its end on,
-- or from its beginning. What only the others need is made there, as functions take as long as reading a few events.
local ended
local kinds, list
local lone = item_count == 1 and plan[planned + 2 + plan[planned + 1]] == 1
if lone then
  kinds = item_types()
  planned = planned + 1
  list = keys[lists_at + word()]
end
if kinds == false then
  ended = true
elseif lone and position == (way > 0 and 1 or head) then
  -- Upwards there may be more than is asked for.
  local index, bounded = 0, stop < head and way > 0
  while ended == nil and (index == 0 or budget.left > 0) do
    local values
    if way > 0 then
      values = call('LRANGE', list, digits(index), digits(index + chunk_size - 1))
    else
      values = call('LRANGE', list, digits(-index - chunk_size), digits(-index - 1))
    end
    local got = #values
    for place = way > 0 and 1 or got, way > 0 and got or 1, way do
      local value = values[place]
      local at = cut(value, 1, -5)
      if bounded and tonumber(at) > stop then ended = true break end
      looked = at
      if not kinds or kinds[value % PLACES] then
        count = count + 1
        positions[count] = at
        if count == limit then ended = false break end
      end
    end
    if ended == nil and got < chunk_size then ended = true end
    index, budget.left, chunk_size = index + got, budget.left - got, math.min(chunk_size * 2, LARGE)
  end
elseif lone then
  local open, _, seek, load = matcher(way, stop, chunk_size, budget)
  local stream = open(list, position)
  if not seek(stream, position) then ended = true end
  local values, place = stream.values, stream.place
  while ended == nil and count < limit do
    local value = values[place]
    if value then
      local at = cut(value, 1, -5)
      if (at - stop) * way > 0 then ended = true break end
      looked = at
      if not kinds or kinds[value % PLACES] then
        count = count + 1
        positions[count] = at
      end
      place = place + way
    elseif stream.next >= stream.count then
      ended = true
    elseif budget.left <= 0 then
      ended = false
    else
      load(stream)
      values, place = stream.values, stream.place
    end
  end
else
  local open, advance = matcher(way, stop, chunk_size, budget)

  -- As `advance`, for an item without tags and types.
  local function every(item, at)
    item.at = (at - stop) * way <= 0 and at or nil
  end

  -- As `advance`, for an item without tags: reads the log itself.
  local chunk, chunk_from = {}, 0
  local function load_chunk(at, first_one, behind, log_key)
    local low, high = at, math.min(at + chunk_size, behind, head + 1) - 1
    if way < 0 then low, high = math.max(at - chunk_size + 1, first_one), at end
    chunk, chunk_from = call('LRANGE', log_key, digits(low - first_one), digits(high - first_one)), low
    budget.left = budget.left - #chunk
    chunk_size = math.min(chunk_size * 2, LARGE)
    return #chunk == high - low + 1
  end
  local function scan(item, at)
    while (at - stop) * way <= 0 do
      local value = chunk[at - chunk_from + 1]
      if not value then
        local low, behind, log_key = segment_of(at)
        if not low or (budget.left <= 0 and item.begun) then
          item.at, item.over = at, true
          return
        end
        item.begun = true
        if not load_chunk(at, low, behind, log_key) then
          broken, item.at = log_key, nil
          return
        end
        value = chunk[at - chunk_from + 1]
      end
      if item.types[value % TYPES] then
        item.at = at
        return
      end
      at = at + way
    end
    item.at = nil
  end

  local items = {}
  for _ = 1, item_count do
    local item = { streams = {}, types = item_types() }
    local tags = word()
    item.go = tags > 0 and advance or item.types and scan or every
    for i = 1, tags do
      local list = keys[lists_at + word()]
      if item.types ~= false then item.streams[i] = open(list, position) end
    end
    if item.types ~= false then items[#items + 1] = item end
  end
  local function first_of_all()
    local best = items[1]
    for i = 2, #items do
      local item = items[i]
      local at = item.at
      if at and (not best.at or (at - best.at) * way < 0 or (at == best.at and best.over)) then best = item end
    end
    return best and best.at and best
  end
  for i = 1, #items do items[i]:go(position) end
  local best = first_of_all()
  while best and not best.over and count < limit do
    local at = best.at
    count = count + 1
    positions[count], looked = digits(at), at
    for i = 1, #items do
      local item = items[i]
      if item.at == at and not item.over then item:go(at + way) end
    end
    best = first_of_all()
  end
  if best and best.over and (best.at - way - looked) * way > 0 then looked = best.at - way end
  ended = not best
end
if broken then return { CORRUPT, broken, 'does not end at the head' } end
looked = tonumber(looked)
if ended and (stop - looked) * way > 0 then looked = stop end

-- Bodies, as many as fit; at first a few, or as many as are like the first one where the last ones were large on
-- average.
local bodies, sum, size, have = {}, 0, 16, 0
if count > 0 and bytes * size >= enough * (head - first + 1) then
  local _, _, _, events_key = segment_of(tonumber(positions[1]))
  local length = events_key and call('HSTRLEN', events_key, positions[1]) or 0
  size = math.max(1, math.min(size, floor(enough / (length + 1))))
end
while have < count and sum < enough do
  local low, behind, _, events_key = segment_of(tonumber(positions[have + 1]))
  if not low then break end
  local last = math.min(have + size, count)
  local at = tonumber(positions[last])
  while at < low or at >= behind do
    last = last - 1
    at = tonumber(positions[last])
  end
  local more = call('HMGET', events_key, unpack(positions, have + 1, last))
  if last - have == count then bodies = more break end
  for i = 1, #more do
    local body = more[i]
    bodies[have + i] = body
    sum = sum + (body and #body or 0)
  end
  have = last
  size = math.max(1, math.min(LARGE, floor((enough - sum) / (sum / have + 1))))
end

-- A string of a reply that is longer than 4096 bytes is not seen whole.
local joined = {}
for from = 1, count, 256 do joined[#joined + 1] = table.concat(positions, ',', from, math.min(from + 255, count)) end
return { PAGE, head, head_tail, looked, ended and 1 or 0, joined, bodies }
