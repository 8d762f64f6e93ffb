-- ARGV: id, what it was born as, snapshot
local h = head()
if not h or h.born ~= ARGV[2] then return {'absent'} end
if h.state ~= 'closed' then return {'open'} end
-- A second snapshot finds the mark of the first.
if h.entry ~= digits(h.epoch) .. '-' .. digits(h.next) then mark(h.epoch, h.next, h) end
redis.call('XTRIM', LOG, 'MAXLEN', 1)
redis.call('HSET', META, 'first', digits(h.next))
redis.call('SET', SNAPSHOT, ARGV[3])
local at = redis.call('PEXPIRETIME', LOG)
if at >= 0 then keep_until(h, at, h.slide) end
return {'done'}
