-- ARGV: id, until in ms or '', slide in ms or ''
local h = head()
if not h then return {'absent'} end
local current = redis.call('PEXPIRETIME', LOG)
-- What is kept until it is deleted stays so.
if current < 0 then return {'done', -1} end
local at, slide = tonumber(ARGV[2]), tonumber(ARGV[3])
if slide then
  at = now() + slide
  h.slide = math.max(h.slide or 0, slide)
  redis.call('HSET', META, 'slide', digits(h.slide))
end
keep_until(h, math.max(current, at), h.slide)
return {'done', h.slide or -1}
