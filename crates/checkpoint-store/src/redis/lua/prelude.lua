-- Before every script: the names of the keys, and the head of the stream ARGV[1].
-- KEYS[1] is the hash-tagged prefix of the store. All its keys have one hash slot, so a script may
-- make their names. A stream is there as long as its meta and its log are.

local function key(kind, name)
  return KEYS[1] .. ':' .. kind .. (name and ':' .. name or '')
end

local ID = ARGV[1]
local META, LOG = key('meta', ID), key('log', ID)
local EPOCH, SNAPSHOT = key('epoch', ID), key('snapshot', ID)
local NAMES, DUE = key('names'), key('due')
local TOMBSTONE_TTL = 7 * 24 * 3600 * 1000

-- Lua writes large numbers with an exponent; Redis wants their digits.
local function digits(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Where the stream stands, or nil. An entry of the log is a chunk (c) or a mark (n: the next
-- position) and has the bytes of all records up to there (b).
local function head()
  local meta = redis.call('HMGET', META, 'number', 'epoch', 'state', 'first', 'slide', 'token', 'born')
  local last = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  if not meta[1] or not last then return nil end
  local field = {}
  for i = 1, #last[2], 2 do field[last[2][i]] = last[2][i + 1] end
  return {
    number = meta[1], epoch = tonumber(meta[2]), state = meta[3], first = tonumber(meta[4]),
    slide = tonumber(meta[5]), token = meta[6], born = meta[7], entry = last[1], bytes = tonumber(field.b),
    next = tonumber(field.n) or tonumber(string.match(last[1], '%d+$')) + 1,
  }
end

-- The answer that says where a stream stands.
local function standing(h)
  return {'ok', tonumber(h.number), h.epoch, h.first, h.next, h.bytes,
          redis.call('PEXPIRETIME', LOG), h.slide or -1}
end

-- A mark fences every entry of an earlier epoch, and is where a trimmed log goes on.
local function mark(epoch, position, h)
  redis.call('XADD', LOG, digits(epoch) .. '-' .. digits(position),
             'n', digits(h.next), 'b', digits(h.bytes))
end

-- Keeps the stream until then. The log is what expires on time; what describes it stays a little
-- longer, so that a writer who moves the end of the log must move the rest only now and then.
local function keep_until(h, at, slide)
  local rest = digits(at + 1000 + math.floor((slide or 0) / 32))
  redis.call('PEXPIREAT', META, rest)
  redis.call('PEXPIREAT', SNAPSHOT, rest)
  redis.call('PEXPIREAT', key('number', h.number), rest)
  redis.call('PEXPIREAT', EPOCH, digits(at + TOMBSTONE_TTL + 1000 + (slide or 0)))
  redis.call('ZADD', DUE, digits(at), ID)
  redis.call('PEXPIREAT', LOG, digits(at))
end

-- The stream was changed: what slides moves on, and never back.
local function touch(h)
  if h.slide then
    keep_until(h, math.max(redis.call('PEXPIRETIME', LOG), now() + h.slide), h.slide)
  end
end

-- What a key or a field holds, or nil where there is none or where the key is of another type.
local function field(command, ...)
  local value = redis.pcall(command, ...)
  return type(value) == 'string' and value or nil
end

-- Removes all of a stream but its epoch and its name, also of a damaged one.
local function clear()
  local number = field('HGET', META, 'number')
  if number then redis.call('DEL', key('number', number)) end
  redis.call('DEL', META, LOG, SNAPSHOT)
end
