-- Comes before `append.lua` and `page.lua`: which positions have all of some tags, read off the tags' lists.
--
-- A list has `position * PLACES + type` of each event with the tag, in the order of positions. It is read upwards or
-- downwards; an index counts from the end that it is read from, and "before" is meant in the same sense.

-- Whether the event at a position has this tail of an id. `index` is the position's in `list`, of its segment.
local function is_there(position, tail, index, list)
  if position == 0 then return true end
  if position == head then return tail == head_tail end
  local entry = call('LINDEX', list, index)
  return entry and floor(entry / TYPES) == tail
end

-- Gives what is below. `way` is 1 to read upwards, -1 downwards; `stop` is the last position that counts;
-- `chunk` is how many entries are read at first; `budget.left` is how many may yet be looked at. It may be overdrawn a
-- little: it is asked between rounds.
local function matcher(way, stop, chunk, budget)
  local LARGE = 256

  local function is_before(stream, index, position)
    budget.left = budget.left - 1
    local value = call('LINDEX', stream.key, digits(way > 0 and index or -1 - index))
    return (floor(value / PLACES) - position) * way < 0
  end

  -- Sets it to the first entry that is not before the position. Those below `low` are, those from `high` on are not.
  local function halve(stream, position, low, high)
    while low < high do
      local middle = floor((low + high) / 2)
      if is_before(stream, middle, position) then low = middle + 1 else high = middle end
    end
    stream.next, stream.size = low, chunk
    stream.values, stream.place = {}, 1
  end

  -- By steps that double, onwards from where it stands.
  local function leap(stream, position)
    local low, high, step = stream.next, stream.next, LARGE
    while high < stream.count and is_before(stream, high, position) do
      low = high + 1
      high = high + step
      step = step * 2
    end
    halve(stream, position, low, math.min(high, stream.count))
  end

  -- By steps that double, backwards from the end: who reads on from a position mostly is near it.
  local function leap_back(stream, position)
    local high, step = stream.count, 1
    local low = high - 1
    while low >= 0 and not is_before(stream, low, position) do
      high = low
      low = low - step
      step = step * 2
    end
    halve(stream, position, math.max(low + 1, 0), high)
  end

  local function load(stream)
    local from, size = stream.next, stream.size
    local values
    if way > 0 then
      values = call('LRANGE', stream.key, digits(from), digits(from + size - 1))
      stream.place = 1
    else
      values = call('LRANGE', stream.key, digits(-from - size), digits(-from - 1))
      stream.place = #values
    end
    budget.left = budget.left - #values
    stream.values = values
    stream.next = from + #values
    stream.size = math.min(size * 2, LARGE)
  end

  -- Reads a list from the first entry that is not before the position.
  local function open(name, position)
    local stream = { key = name, count = call('LLEN', name), next = 0, size = chunk, values = {}, place = 1 }
    if way > 0 and position > 1 then leap_back(stream, position) end
    return stream
  end

  -- Goes on to the first entry that is not before the position, and gives the position there, or nil.
  local function seek(stream, position)
    while true do
      local values, place = stream.values, stream.place
      local value = values[place]
      while value do
        local kind = value % PLACES
        local at = (value - kind) / PLACES
        if (at - position) * way >= 0 then
          stream.place = place
          stream.type = kind
          return at
        end
        place = place + way
        value = values[place]
      end
      if stream.next >= stream.count then
        stream.place = place
        return nil
      end
      load(stream)
      values = stream.values
      local last = values[way > 0 and #values or 1]
      if (floor(last / PLACES) - position) * way < 0 then leap(stream, position) end
    end
  end

  -- Goes on to the first event, not before the position nor behind `stop`, that has all of the item's tags and one of
  -- its types: `item.at`, nil for none. If the budget does not suffice, `item.over` is set: there is none before
  -- `item.at`.
  local function advance(item, position)
    local streams, kinds = item.streams, item.types
    local count, agreed, turn = #streams, 0, 1
    while true do
      local stream = streams[turn]
      local at = seek(stream, position)
      if not at or (at - stop) * way > 0 then
        item.at = nil
        return
      end
      local moved = at ~= position
      agreed = moved and 1 or agreed + 1
      position = at
      if agreed == count then
        if not kinds or kinds[stream.type] then
          item.at = position
          return
        end
        position, agreed, moved = position + way, 0, true
      end
      if moved and budget.left <= 0 then
        item.at, item.over = position, true
        return
      end
      turn = turn < count and turn + 1 or 1
    end
  end

  return open, advance, seek, load
end
