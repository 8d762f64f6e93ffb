-- ARGV: id
local h = head()
if not h then return {'absent'} end
clear()
redis.call('SET', EPOCH, digits(h.epoch), 'PX', TOMBSTONE_TTL)
redis.call('ZREM', NAMES, ID)
redis.call('ZREM', DUE, ID)
return {'done', tonumber(h.number)}
