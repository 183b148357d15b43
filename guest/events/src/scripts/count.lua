-- Counts the entries of some lists that are before an entry.

local total, before = 0, tonumber(ARGV[1])
for _, list in ipairs(KEYS) do
  local low, high = 0, redis.call('LLEN', list)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', list, string.format('%d', middle))) < before then
      low = middle + 1
    else
      high = middle
    end
  end
  total = total + low
end
return total
