-- ARGV: id, number, epoch, lease in ms. Answers with the slide, which others may have changed.
local meta = redis.call('HMGET', META, 'number', 'epoch', 'state', 'slide')
if meta[1] ~= ARGV[2] or meta[2] ~= ARGV[3] or meta[3] ~= 'open' then return {'absent'} end
redis.call('HSET', META, 'lease', digits(now() + ARGV[4]))
return {'done', tonumber(meta[4]) or -1}
