-- ARGV: id, what it was born as or '': a late call removes no successor. Nothing else of the stream
-- is believed, so a damaged one goes like any other.
local born = field('HGET', META, 'born') or ''
if redis.call('EXISTS', META, LOG) < 2 or born ~= ARGV[2] then return {'absent'} end
local number = tonumber(field('HGET', META, 'number'))
local epoch = math.max(tonumber(field('HGET', META, 'epoch')) or 0, tonumber(field('GET', EPOCH)) or 0)
-- Epochs count recoveries, which are not as many as the milliseconds since 1970.
if epoch < 1 or epoch > 2 ^ 52 then epoch = now() end
clear()
redis.call('SET', EPOCH, digits(epoch), 'PX', TOMBSTONE_TTL)
redis.call('ZREM', NAMES, ID)
redis.call('ZREM', DUE, ID)
return {'done', number or 0}
