-- Ends calls: their places are free again, and their units count from when they ended, or not at all.
--
-- KEYS  1 everybody's window, 2 the mailbox's window, 3 the mailbox's calls under way, as in take.lua
-- ARGV  1 what ends, as JSON
local call = cjson.decode(ARGV[1])
for place = 1, call.places do
    redis.call('ZREM', KEYS[3], call.call .. ':' .. place)
end
for at, window in ipairs(call.windows) do
    local from = window.from .. ':' .. call.process
    -- What costs nothing is written nowhere: a window that is made here would never lapse.
    local is_there = call.units > 0 and tonumber(redis.call('HGET', KEYS[at], from) or 0) >= call.units
    if is_there and window.to ~= window.from then
        redis.call('HINCRBY', KEYS[at], from, -call.units)
        if window.to ~= cjson.null then
            redis.call('HINCRBY', KEYS[at], window.to .. ':' .. call.process, call.units)
        end
    end
end
return 1
