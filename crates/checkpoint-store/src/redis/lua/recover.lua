-- ARGV: id, token, holder, lease in ms, the epoch to take over from or ''
local h = head()
if not h then return {'absent'} end
if h.state == 'closed' then return {'closed', h.next} end
local lease = redis.call('HMGET', META, 'lease', 'holder')
local left = (lease[2] and tonumber(lease[1]) or 0) - now()
if left > 0 and tonumber(ARGV[5]) ~= h.epoch then
  return {'held', h.epoch, left, lease[2]}
end
h.epoch = h.epoch + 1
redis.call('HSET', META, 'epoch', digits(h.epoch), 'from:' .. digits(h.epoch), digits(h.next),
           'token', ARGV[2], 'holder', ARGV[3], 'lease', digits(now() + ARGV[4]))
redis.call('SET', EPOCH, digits(h.epoch), 'KEEPTTL')
mark(h.epoch, 0, h)
touch(h)
return standing(h)
