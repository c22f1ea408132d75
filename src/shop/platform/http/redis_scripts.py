"""What happens inside Redis, each script in one step. Every key that a script touches is in KEYS, all in one hash slot.

`versions` is one hash: `#epoch` and `#clock`, and under `=<tag>` the clock at the tag's last invalidation. An entry has
the clock of when its read began; it is readable while no tag of its has a later version, and the epoch is the same. So
an invalidation touches no entry, and if the hash is ever lost (FLUSHALL, eviction), everything is unreadable at once.
"""

from __future__ import annotations

_NOW = """
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
"""
_EPOCH = """
local function epoch_of(versions, fresh)
  local epoch = redis.call('HGET', versions, '#epoch')
  if not epoch then
    epoch = fresh
    redis.call('HSET', versions, '#epoch', epoch, '#clock', 0)
  end
  return epoch
end
"""
_OVERTAKEN = """
local function overtaken(versions, tags, clock)
  local fields = {}
  for tag in string.gmatch(tags, '[^,]+') do fields[#fields + 1] = '=' .. tag end
  if #fields == 0 then return false end
  for _, version in ipairs(redis.call('HMGET', versions, unpack(fields))) do
    if version and tonumber(version) > clock then return true end
  end
  return false
end
"""

# KEYS: versions, then metadata, value and lease of each name. ARGV: owner (an epoch too, if there is none), lease's ms.
# → "epoch clock", and per name "1" if the lease is mine, else "0". If it is there, then ms since it was kept, age
# then and fields, with spaces between; after a line feed, the body. One piece, for each piece costs its reader time.
LOOK_UP = (
    _NOW
    + _EPOCH
    + _OVERTAKEN
    + """
local epoch = epoch_of(KEYS[1], ARGV[1])
local found = {epoch .. ' ' .. redis.call('HGET', KEYS[1], '#clock')}
local at = now()
for i = 2, #KEYS, 3 do
  local value = false
  local meta = redis.call('HMGET', KEYS[i],
    'epoch', 'version', 'cacheTags', 'timestamp', 'freshUntil', 'age', 'headers')
  if meta[1] == epoch and not overtaken(KEYS[1], meta[3], tonumber(meta[2])) then
    value = redis.call('GET', KEYS[i + 1])
  end
  local told = '0'
  if (not value or at >= tonumber(meta[5])) and redis.call('SET', KEYS[i + 2], ARGV[1], 'NX', 'PX', ARGV[2]) then
    told = '1'
  end
  if value then
    local resident = math.max(0, at - tonumber(meta[4]))  -- its clock may have been set back
    told = string.format('%s %d ', told, resident) .. meta[6] .. ' ' .. meta[7] .. '\\n' .. value
  end
  found[#found + 1] = told
end
return found
"""
)

# KEYS: versions, then per answer metadata, value, id, lease and the set of each tag. ARGV: epoch, clock, owner, then
# per answer: how many tags, ms to keep, ms it is fresh, uuid, origin, path, status, age, fields, tags, body.
# → per answer 1, or 0 if an invalidation has overtaken it.
STORE = (
    _NOW
    + _OVERTAKEN
    + """
local same = redis.call('HGET', KEYS[1], '#epoch') == ARGV[1]
local clock = tonumber(ARGV[2])
local at = now()
local kept = {}
local k, a = 2, 4
while k <= #KEYS do
  local tags, ttl = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
  if redis.call('GET', KEYS[k + 3]) == ARGV[3] then redis.call('DEL', KEYS[k + 3]) end
  if same and not overtaken(KEYS[1], ARGV[a + 9], clock) then
    redis.call('HSET', KEYS[k], 'origin', ARGV[a + 4], 'path', ARGV[a + 5], 'method', 'GET', 'status', ARGV[a + 6],
      'headers', ARGV[a + 8], 'cacheTags', ARGV[a + 9], 'timestamp', at, 'age', ARGV[a + 7],
      'freshUntil', at + tonumber(ARGV[a + 2]), 'epoch', ARGV[1], 'version', clock)
    redis.call('PEXPIRE', KEYS[k], ttl)
    redis.call('SET', KEYS[k + 1], ARGV[a + 10], 'PX', ttl)
    redis.call('SET', KEYS[k + 2], KEYS[k], 'PX', ttl)
    for t = k + 4, k + 3 + tags do
      redis.call('ZREMRANGEBYSCORE', KEYS[t], '-inf', at)
      redis.call('ZADD', KEYS[t], at + ttl, ARGV[a + 3])
      if redis.call('PTTL', KEYS[t]) < ttl then redis.call('PEXPIRE', KEYS[t], ttl) end
    end
    kept[#kept + 1] = 1
  else
    kept[#kept + 1] = 0
  end
  k, a = k + 4 + tags, a + 11
end
return kept
"""
)

# KEYS: leases. ARGV: owner.
RELEASE = """
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
end
"""

# KEYS: versions. ARGV: an epoch. All that is kept, or being read, is void from now on.
RENEW = """#!lua flags=allow-oom
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '#epoch', ARGV[1], '#clock', 0)
"""

# KEYS: versions, then per tag its set and where that is put aside. ARGV: an epoch if there is none, channel, message,
# ms that what is put aside may wait, then the tags. → epoch, clock, and 1 per set that was put aside, else 0.
INVALIDATE = (
    "#!lua flags=allow-oom\n"  # who can read must be able to invalidate, also where Redis is full and evicts nothing
    + _EPOCH
    + """
local told = {epoch_of(KEYS[1], ARGV[1]), redis.call('HINCRBY', KEYS[1], '#clock', 1)}
for i = 5, #ARGV do
  local set, aside = KEYS[2 * (i - 4)], KEYS[2 * (i - 4) + 1]
  redis.call('HSET', KEYS[1], '=' .. ARGV[i], told[2])
  if redis.call('EXISTS', set) == 1 then
    redis.call('RENAME', set, aside)
    redis.call('PEXPIRE', aside, ARGV[4])
    told[#told + 1] = 1
  else
    told[#told + 1] = 0
  end
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return told
"""
)

# KEYS: what was put aside, then metadata, value and id of each. ARGV: epoch and clock of the invalidation, then
# the uuids. Deletes what it made unreadable, and spares what was kept since; what another epoch has kept may go, too.
RECLAIM = """
for i = 2, #KEYS, 3 do
  local meta = redis.call('HMGET', KEYS[i], 'epoch', 'version')
  if not meta[1] or meta[1] ~= ARGV[1] or tonumber(meta[2]) < tonumber(ARGV[2]) then
    redis.call('UNLINK', KEYS[i], KEYS[i + 1], KEYS[i + 2])
  end
end
redis.call('ZREM', KEYS[1], unpack(ARGV, 3))
"""
