-- ARGV: id, token or '', number, epoch, first, count, 'open' or 'close', bytes of the payload, chunk.
-- The token tells two writers apart that have the same epoch because a failover forgot one of them.
local h = head()
if not h or h.number ~= ARGV[3] then return {'deleted'} end
local epoch, first, count = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local after, closes = first + count, ARGV[7] == 'close'
if epoch ~= h.epoch or ARGV[2] ~= '' and ARGV[2] ~= h.token then return {'fenced', h.epoch} end
local repeated = after <= h.next
if closes then repeated = h.state == 'closed' and after == h.next end
if repeated then return {'duplicate', h.next, h.bytes} end
if h.state == 'closed' then return {'closed', h.next} end
if first ~= h.next then return {'gap', h.next} end
local bytes = h.bytes + ARGV[8]
if count > 0 then
  redis.call('XADD', LOG, digits(epoch) .. '-' .. digits(after - 1), 'c', ARGV[9],
             'b', digits(bytes))
end
if closes then
  redis.call('HSET', META, 'state', 'closed')
  redis.call('HDEL', META, 'holder', 'lease')
end
touch(h)
return {'stored', after, bytes}
