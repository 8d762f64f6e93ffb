-- ARGV: id, holder, lease in ms, the epoch to take over from or ''
local h = head()
if not h then return {'absent'} end
if h.state == 'closed' then return {'closed', h.next} end
local lease = redis.call('HMGET', META, 'lease', 'holder')
local left = (tonumber(lease[1]) or 0) - now()
if left > 0 and tonumber(ARGV[4]) ~= h.epoch then
  return {'held', h.epoch, left, lease[2]}
end
h.epoch = h.epoch + 1
redis.call('HSET', META, 'epoch', digits(h.epoch), 'from:' .. digits(h.epoch), digits(h.next),
           'holder', ARGV[2], 'lease', digits(now() + ARGV[3]))
redis.call('SET', EPOCH, digits(h.epoch), 'KEEPTTL')
mark(h.epoch, 0, h)
touch(h)
return standing(h)
