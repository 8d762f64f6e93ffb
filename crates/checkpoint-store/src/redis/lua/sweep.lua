-- ARGV: '', streams at most, names to look at. Answers with how many it removed and looked at.
local swept = 0
local due = redis.call('ZRANGE', DUE, '-inf', digits(now()), 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, id in ipairs(due) do
  if swept == tonumber(ARGV[2]) then break end
  ID, META, LOG = id, key('meta', id), key('log', id)
  SNAPSHOT = key('snapshot', id)
  local at = redis.call('PEXPIRETIME', LOG)
  if at == -2 or redis.call('EXISTS', META) == 0 then
    clear()
    redis.call('ZREM', NAMES, id)
    redis.call('ZREM', DUE, id)
    swept = swept + 1
  elseif at == -1 then
    redis.call('ZREM', DUE, id)
  else
    -- It was kept longer: to be looked at again by then.
    redis.call('ZADD', DUE, digits(at), id)
  end
end
return {'done', swept, #due}
