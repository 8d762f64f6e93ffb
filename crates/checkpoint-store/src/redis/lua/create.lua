-- ARGV: id, token, holder, lease in ms, until in ms or '', slide in ms or ''
if head() then return {'exists'} end
clear()
local h = {
  number = digits(redis.call('INCR', key('created'))),
  epoch = (tonumber(redis.call('GET', EPOCH)) or 0) + 1,
  first = 1, next = 1, bytes = 0, slide = tonumber(ARGV[6]),
}
redis.call('HSET', META, 'number', h.number, 'epoch', digits(h.epoch), 'state', 'open', 'first', 1,
           'from:' .. digits(h.epoch), 1, 'born', ARGV[2], 'token', ARGV[2], 'holder', ARGV[3],
           'lease', digits(now() + ARGV[4]))
redis.call('SET', EPOCH, digits(h.epoch))
redis.call('SET', key('number', h.number), ID)
redis.call('ZADD', NAMES, 0, ID)
redis.call('ZREM', DUE, ID)
mark(h.epoch, 0, h)
local at = tonumber(ARGV[5])
if h.slide then
  redis.call('HSET', META, 'slide', digits(h.slide))
  at = now() + h.slide
end
local answer = standing(h)
if at then
  keep_until(h, at, h.slide)
  answer[7] = at
end
return answer
