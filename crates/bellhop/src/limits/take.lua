-- Takes units of two windows and places among the calls under way, all of it or nothing.
--
-- KEYS  1 everybody's window, 2 the mailbox's window: hashes of `bucket:process` to units
--       3 the mailbox's calls under way: a sorted set of places, by when they lapse
--       4 the mailboxes of this API, 5 the processes that ask: sorted sets by when they last did
--       6 since when there is counting in these two windows without a gap
-- ARGV  1 what is asked for, as JSON. Times are the caller's, in milliseconds.
local ask = cjson.decode(ARGV[1])

redis.call('SET', KEYS[6], ask.now, 'NX')
redis.call('PEXPIRE', KEYS[6], 604800000)
local since = tonumber(redis.call('GET', KEYS[6]))
-- Written down by a clock that was ahead.
if since > ask.now then
    since = ask.now
    redis.call('SET', KEYS[6], since, 'KEEPTTL')
end
redis.call('ZADD', KEYS[5], ask.now, ask.process)
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ask.processes_since)
redis.call('ZREMRANGEBYSCORE', KEYS[5], 2 * ask.now - ask.processes_since, '+inf')
redis.call('PEXPIRE', KEYS[5], ask.keep)

local spent, has_room = {}, true
for at, window in ipairs(ask.windows) do
    -- What the process itself remembers counts, though it may have been forgotten here.
    for bucket, units in pairs(window.own) do
        local field = bucket .. ':' .. ask.process
        if units > tonumber(redis.call('HGET', KEYS[at], field) or 0) then
            redis.call('HSET', KEYS[at], field, units)
        end
    end
    local buckets, used, fields = {}, 0, redis.call('HGETALL', KEYS[at])
    for place = 1, #fields, 2 do
        local bucket, units = string.match(fields[place], '^%-?%d+'), tonumber(fields[place + 1])
        local at_bucket = tonumber(bucket)
        if at_bucket >= window.oldest and at_bucket <= window.newest then
            buckets[bucket] = (buckets[bucket] or 0) + units
            used = used + units
        else
            redis.call('HDEL', KEYS[at], fields[place])
        end
    end
    redis.call('PEXPIRE', KEYS[at], ask.keep)
    spent[at] = buckets
    has_room = has_room and used + ask.units <= window.allowed
end

redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ask.now)
local places = math.min(ask.wanted, ask.at_once - redis.call('ZCARD', KEYS[3]))
local is_new = since > ask.settled_before

local outcome = 'taken'
if is_new and not ask.is_within_share then
    outcome = 'share'
elseif not has_room then
    outcome = 'units'
elseif places < 1 then
    outcome = 'calls'
else
    for at, window in ipairs(ask.windows) do
        redis.call('HINCRBY', KEYS[at], window.bucket .. ':' .. ask.process, ask.units)
        redis.call('PEXPIRE', KEYS[at], ask.keep)
    end
    local lapses = ask.now + ask.lease + ask.lease_each * math.ceil(ask.count / places)
    for place = 1, places do
        redis.call('ZADD', KEYS[3], lapses, ask.call .. ':' .. place)
    end
    redis.call('PEXPIRE', KEYS[3], math.max(ask.keep, lapses - ask.now))
    redis.call('ZADD', KEYS[4], ask.now, ask.mailbox)
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ask.settled_before)
    redis.call('ZREMRANGEBYSCORE', KEYS[4], 2 * ask.now - ask.settled_before, '+inf')
    redis.call('PEXPIRE', KEYS[4], ask.keep)
end
return cjson.encode({
    outcome = outcome,
    places = math.max(places, 0),
    processes = redis.call('ZCARD', KEYS[5]),
    project = spent[1],
    mailbox = spent[2],
})
