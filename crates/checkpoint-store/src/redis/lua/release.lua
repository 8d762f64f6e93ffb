-- ARGV: id, token
if redis.call('HGET', META, 'token') ~= ARGV[2] then return {'absent'} end
redis.call('HDEL', META, 'holder', 'lease')
return {'done'}
