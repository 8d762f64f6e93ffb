-- ARGV: id and further ids. Answers with the time, and for each what its keys say, or a text where
-- they hold something else. A script and no transaction: a server that is full takes none.
local function told(...)
  local value = redis.pcall(...)
  return type(value) == 'table' and value.err or value
end
local answer = {now()}
for i = 1, #ARGV do
  local log = key('log', ARGV[i])
  answer[#answer + 1] = told('HGETALL', key('meta', ARGV[i]))
  answer[#answer + 1] = redis.call('PEXPIRETIME', log)
  answer[#answer + 1] = told('XREVRANGE', log, '+', '-', 'COUNT', 1)
end
return answer
