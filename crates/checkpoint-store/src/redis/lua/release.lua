-- ARGV: id, number, epoch
local meta = redis.call('HMGET', META, 'number', 'epoch')
if meta[1] ~= ARGV[2] or meta[2] ~= ARGV[3] then return {'absent'} end
redis.call('HDEL', META, 'holder', 'lease')
return {'done'}
