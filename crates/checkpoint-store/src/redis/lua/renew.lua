-- ARGV: id, token, lease in ms. Answers with the slide, which others may have changed.
local meta = redis.call('HMGET', META, 'token', 'state', 'holder', 'slide')
if meta[1] ~= ARGV[2] or meta[2] ~= 'open' or not meta[3] then return {'absent'} end
redis.call('HSET', META, 'lease', digits(now() + ARGV[3]))
return {'done', tonumber(meta[4]) or -1}
