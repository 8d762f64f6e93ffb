-- ARGV: id, what it was born as: a late call removes no successor
local h = head()
if not h or h.born ~= ARGV[2] then return {'absent'} end
clear()
redis.call('SET', EPOCH, digits(h.epoch), 'PX', TOMBSTONE_TTL)
redis.call('ZREM', NAMES, ID)
redis.call('ZREM', DUE, ID)
return {'done', tonumber(h.number)}
