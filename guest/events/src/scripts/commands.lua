-- Reads the records of commands from a number or a time on.
--
-- Keys: the state, then the events of some segments next to each other. The plan is the number of those. Arguments: a
-- number, a time or nothing, how many records and bytes are enough, then the number of the first command of each
-- segment, and of the first one behind the last of them.
--
-- The reply: status, the number of the first record, whether there are none behind, the records.

local RECORDS = 0
local from, since = tonumber(argument()), tonumber(argument())
local limit, enough = tonumber(argument()), tonumber(argument())
local holders, begins = {}, {}
for i = 1, word() do holders[i], begins[i] = key(), tonumber(argument()) end
local behind = math.min(tonumber(argument()), commands + 1)

-- The record of this number, which is below `behind`.
local place = 1
local function record_of(number)
  while begins[place + 1] and begins[place + 1] <= number do place = place + 1 end
  while begins[place] > number do place = place - 1 end
  return call('HGET', holders[place], 'c' .. digits(number))
end

if since then
  -- Times never go back. The first segment has an older command, or is the first of all.
  local low, high = from, behind
  while low < high do
    local middle = floor((low + high) / 2)
    local record = record_of(middle)
    if not record then return { CORRUPT, holders[place], 'lacks a command' } end
    if tonumber(string.match(record, '^%d+')) < since then low = middle + 1 else high = middle end
  end
  from = low
end

local reply, total, number = { RECORDS, from, 0 }, 0, from
while number < behind and number - from < limit and total < enough do
  local record = record_of(number)
  if not record then return { CORRUPT, holders[place], 'lacks a command' } end
  total = total + #record
  reply[#reply + 1] = record
  number = number + 1
end
if number > commands then reply[3] = 1 end
return reply
