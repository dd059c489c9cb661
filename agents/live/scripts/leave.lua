--[[
  An agent is free no longer: leaves every line they stand in, and those named, should the record of where they stand be lost.

  KEYS[1]  lines of agent  string  where this agent stands
  ARGV[1]  agent id
  ARGV[2]  lines, joined by commas
  ARGV[3]  prefix of a line's free agents
  returns  nothing
]]
for line in string.gmatch((redis.call('GET', KEYS[1]) or '') .. ',' .. ARGV[2], '[^,]+') do
  redis.call('ZREM', ARGV[3] .. line, ARGV[1])
end
redis.call('DEL', KEYS[1])
