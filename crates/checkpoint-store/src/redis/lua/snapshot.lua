-- ARGV: id
if not head() then return {'absent'} end
return {'done', redis.call('GET', SNAPSHOT)}
