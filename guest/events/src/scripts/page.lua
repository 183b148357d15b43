-- Reads a page of events: positions that match any of some items, in order, and bodies as far as their segments are
-- among the keys. Ends early when the budget is used up.
--
-- The reply: status, head, the tail of its id, up to where was looked, whether that is the end, the number of
-- positions, the positions, the bodies.

local PAGE, AHEAD, REWRITTEN, REBUILDING = 0, 4, 5, 10

-- What is not there yet would be passed over.
if rebuilding ~= '0' then return { REBUILDING } end
local types_key = key()
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

-- Segments next to each other, as { first position, first one behind it, key of its log, key of its events }.
local window = {}
for i = 1, word() do window[i] = { tonumber(argument()), tonumber(argument()), key(), key() } end
local function segment_of(at)
  for _, one in ipairs(window) do
    if at >= one[1] and at < one[2] then return one end
  end
end

local numbers = {}
local type_count = word()
if type_count > 0 then
  local names = {}
  for i = 1, type_count do names[i] = 'n' .. argument() end
  numbers = call('HMGET', types_key, unpack(names))
end
local lists = {}
for i = 1, word() do lists[i] = key() end

-- Of many lists, the first entries alone could be more than the budget.
local LARGE = 256
local chunk_size = math.min(limit, LARGE)
if #lists > 1 then chunk_size = math.min(chunk_size, math.max(8, floor(budget.left / #lists / 4))) end
local open, advance, seek, load = matcher(way, stop, chunk_size, budget)

-- As `advance`, for an item without tags and types.
local function every(item, at)
  item.at = (at - stop) * way <= 0 and at or nil
end

-- As `advance`, for an item without tags: reads the log itself.
local broken
local chunk, chunk_from = {}, 0
local function load_chunk(at, one)
  local low, high = at, math.min(at + chunk_size, one[2], head + 1) - 1
  if way < 0 then low, high = math.max(at - chunk_size + 1, one[1]), at end
  chunk, chunk_from = call('LRANGE', one[3], digits(low - one[1]), digits(high - one[1])), low
  budget.left = budget.left - #chunk
  chunk_size = math.min(chunk_size * 2, LARGE)
  return #chunk == high - low + 1
end
local function scan(item, at)
  while (at - stop) * way <= 0 do
    local value = chunk[at - chunk_from + 1]
    if not value then
      local one = segment_of(at)
      if not one or (budget.left <= 0 and item.begun) then
        item.at, item.over = at, true
        return
      end
      item.begun = true
      if not load_chunk(at, one) then
        broken, item.at = one[3], nil
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
for _ = 1, word() do
  local among, tags = words(), words()
  local item = { streams = {}, go = #tags > 0 and advance or #among > 0 and scan or every }
  if #among > 0 then
    item.types = {}
    for _, kind in ipairs(among) do
      if numbers[kind] then item.types[tonumber(numbers[kind])] = true end
    end
  end
  if not item.types or next(item.types) then
    for i, tag in ipairs(tags) do item.streams[i] = open(lists[tag], position) end
    items[#items + 1] = item
  end
end

-- What one list has: most reads are that, and the way below costs twice as much. Gives whether that was all.
local found, count, looked = {}, 0, position - way
local function read_list(stream, kinds)
  if not seek(stream, position) then return true end
  while count < limit do
    local value = stream.values[stream.place]
    if value then
      local kind = value % TYPES
      local at = (value - kind) / TYPES
      if (at - stop) * way > 0 then return true end
      looked = at
      if not kinds or kinds[kind] then
        count = count + 1
        found[count] = at
      end
      stream.place = stream.place + way
    elseif stream.next >= stream.count then
      return true
    elseif budget.left <= 0 then
      return false
    else
      load(stream)
    end
  end
  return false
end

-- What several items have, or items of another kind.
local function read_items()
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
    found[count], looked = at, at
    for i = 1, #items do
      local item = items[i]
      if item.at == at and not item.over then item:go(at + way) end
    end
    best = first_of_all()
  end
  if best and best.over and (best.at - way - looked) * way > 0 then looked = best.at - way end
  return not best
end

local ended
if #items == 1 and #items[1].streams == 1 then
  ended = read_list(items[1].streams[1], items[1].types)
else
  ended = read_items()
end
if broken then return { CORRUPT, broken, 'does not end at the head' } end
if ended and (stop - looked) * way > 0 then looked = stop end

local bodies, bytes, size = {}, 0, 16
local place = 1
while place <= count and bytes < enough do
  local one = segment_of(found[place])
  if not one then break end
  local fields = {}
  local low, behind, number = one[1], one[2], 0
  local at = found[place]
  while at and number < size and at >= low and at < behind do
    number = number + 1
    fields[number] = digits(at)
    place = place + 1
    at = found[place]
  end
  for _, body in ipairs(call('HMGET', one[4], unpack(fields))) do
    bodies[#bodies + 1] = body
    bytes = bytes + (body and #body or 0)
  end
  size = math.max(1, math.min(LARGE, floor((enough - bytes) / (bytes / #bodies + 1))))
end

local reply = { PAGE, head, head_tail, looked, ended and 1 or 0, count }
for i = 1, count do reply[6 + i] = found[i] end
for i = 1, #bodies do reply[6 + count + i] = bodies[i] end
return reply
