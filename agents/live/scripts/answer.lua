--[[
  A customer has answered: takes the agent of the line who has been free the longest, or waits in it.

  KEYS[1]  epoch    string  the projection's epoch
  KEYS[2]  free     zset    agents free to take a call, by the moment they became free
  KEYS[3]  waiting  zset    answered customers, by the moment of their answer
  ARGV[1]  epoch expected
  ARGV[2]  call id
  ARGV[3]  answered at (seconds)
  ARGV[4]  prefix of an agent's lines
  ARGV[5]  prefix of a line's free agents
  returns  {agent id, free since} · {} when the customer waits now · false when the epoch is another
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if not first[1] then
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2])
  return {}
end
local lines = redis.call('GET', ARGV[4] .. first[1])
if lines then
  for line in string.gmatch(lines, '[^,]+') do redis.call('ZREM', ARGV[5] .. line, first[1]) end
  redis.call('DEL', ARGV[4] .. first[1])
end
redis.call('ZREM', KEYS[2], first[1])
return first
