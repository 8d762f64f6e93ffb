-- ARGV: id and further ids. Answers with the time, and for each what its keys say. A script and no
-- transaction: a server that is full takes none.
local answer = {now()}
for i = 1, #ARGV do
  local log = key('log', ARGV[i])
  answer[#answer + 1] = redis.call('HGETALL', key('meta', ARGV[i]))
  answer[#answer + 1] = redis.call('PEXPIRETIME', log)
  answer[#answer + 1] = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
end
return answer
