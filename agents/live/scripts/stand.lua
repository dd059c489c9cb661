--[[
  An agent has become free: stands in every line of theirs and in no other, unless a customer waits in one of them.

  KEYS[1]   epoch            string  the projection's epoch
  KEYS[2]   lines of agent   string  where this agent stands
  KEYS[3…]  free, waiting    zsets   in pairs, one pair for each line
  ARGV[1]   epoch expected
  ARGV[2]   agent id
  ARGV[3]   free since (seconds)
  ARGV[4]   the lines, joined by commas
  ARGV[5]   prefix of a line's free agents
  returns   the call id of the customer who has waited longest, who waits no longer · '' when none waits · false when the epoch is another
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local stood = redis.call('GET', KEYS[2])
if stood and stood ~= ARGV[4] then
  for line in string.gmatch(stood, '[^,]+') do redis.call('ZREM', ARGV[5] .. line, ARGV[2]) end
end
local oldest, since, at = '', nil, nil
for i = 4, #KEYS, 2 do
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  if first[1] and (since == nil or tonumber(first[2]) < since) then
    oldest, since, at = first[1], tonumber(first[2]), KEYS[i]
  end
end
if at then
  redis.call('ZREM', at, oldest)
  for i = 3, #KEYS, 2 do redis.call('ZREM', KEYS[i], ARGV[2]) end
  redis.call('DEL', KEYS[2])
  return oldest
end
for i = 3, #KEYS, 2 do redis.call('ZADD', KEYS[i], ARGV[3], ARGV[2]) end
redis.call('SET', KEYS[2], ARGV[4])
return ''
