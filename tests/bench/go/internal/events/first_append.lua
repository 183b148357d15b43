-- Appends events unless one that matches an item came after a position. Keys: the stream, the last positions, the
-- numbers of types, then the lists of the events' tags. The reply: 1 where it was appended, and the head.

local stream_key, last_key, types_key = KEYS[1], KEYS[2], KEYS[3]
local call, floor = redis.call, math.floor
local given = 0
local function argument()
  given = given + 1
  return ARGV[given]
end
local function arguments()
  local list = {}
  for i = 1, tonumber(argument()) do list[i] = argument() end
  return list
end

local head = tonumber(call('HGET', last_key, 'head') or 0)
local after = tonumber(argument())

-- Whether an event behind `after` has all of an item's tags, and one of its types.
local function walked(item)
  local tags, types = {}, {}
  for i = 2, #item.tags do tags[i - 1] = '\0' .. item.tags[i] .. '\0' end
  for _, kind in ipairs(item.types) do types[kind] = true end
  for _, value in ipairs(call('LRANGE', 'first:g:' .. item.tags[1], '-100', '-1')) do
    local at = floor(value / 4096)
    if at > after then
      local entry = call('XRANGE', stream_key, at .. '-0', at .. '-0')[1][2]
      local all = #item.types == 0 or types[entry[2]]
      for _, tag in ipairs(tags) do all = all and string.find('\0' .. entry[4] .. '\0', tag, 1, true) end
      if all then return true end
    end
  end
end

local function newer(fields)
  local latest = 0
  for _, at in ipairs(call('HMGET', last_key, unpack(fields))) do
    if at then latest = math.max(latest, tonumber(at)) end
  end
  return latest > after
end

local function matches(item)
  local types, tags = item.types, item.tags
  if #tags == 0 then
    local fields = {}
    for i, kind in ipairs(types) do fields[i] = 'y:' .. kind end
    return newer(fields)
  end
  for _, tag in ipairs(tags) do
    local fields = { #types == 0 and 'g:' .. tag or nil }
    for i, kind in ipairs(types) do fields[i] = 'p:' .. kind .. ':' .. tag end
    if not newer(fields) then return false end
  end
  return #tags == 1 or walked(item)
end

for _ = 1, tonumber(argument()) do
  if matches({ types = arguments(), tags = arguments() }) then return { 0, head } end
end

local count = tonumber(argument())
call('HSET', last_key, 'head', head + count)
local numbers = {}
local function number_of(kind)
  local number = numbers[kind] or call('HGET', types_key, kind)
  if not number then
    number = call('HLEN', types_key)
    call('HSET', types_key, kind, number)
  end
  numbers[kind] = number
  return number
end
for i = 1, count do
  local at = string.format('%d', head + i)
  local kind, id, data, tags = argument(), argument(), argument(), {}
  local entry = string.format('%d', at * 4096 + number_of(kind))
  local fields = { 'y:' .. kind, at }
  for place = 1, tonumber(argument()) do
    local list = KEYS[tonumber(argument())]
    local tag = string.sub(list, 9)
    tags[place] = tag
    call('RPUSH', list, entry)
    fields[#fields + 1], fields[#fields + 2] = 'g:' .. tag, at
    fields[#fields + 1], fields[#fields + 2] = 'p:' .. kind .. ':' .. tag, at
  end
  call('XADD', stream_key, at .. '-0', 't', kind, 'g', table.concat(tags, '\0'), 'i', id, 'd', data)
  call('HSET', last_key, unpack(fields))
end
return { 1, head + count }
