--[[
  Take up to so many of a trunk's tokens: calls it may start this second.

  KEYS[1]  tokens   hash   left, at (seconds, the server's clock)
  ARGV[1]  tokens that come per second, which is also the most that are kept
  ARGV[2]  how many are wanted
  returns  how many were had
]]
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = rate
if kept[1] then left = math.min(rate, tonumber(kept[1]) + (at - tonumber(kept[2])) * rate) end
local had = math.min(wanted, math.floor(left))
redis.call('HSET', KEYS[1], 'left', tostring(left - had), 'at', tostring(at))
redis.call('EXPIRE', KEYS[1], 60)
return had
