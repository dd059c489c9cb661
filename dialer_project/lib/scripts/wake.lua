-- A pool is to be looked at. Whoever looks at it now is left word; else a message is to be sent, one for all who ask before it is taken.
-- KEYS: held, again, wake   ARGV: milliseconds for which a hint is good
-- Returns 1 where a message is to be sent.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
  return 0
end
return redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[1]) and 1 or 0
