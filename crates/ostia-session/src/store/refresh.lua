-- What `RefreshEntry` means, as one atomic step of the store. Held against it by a test.
-- KEYS: the entry; when the memory of its part of the store began. Both have one hash tag, so one slot.
-- ARGV: operation, now in ms (0: the store's clock), generation, holder, operand, lifetime of the entry in ms.
local op, generation, holder, operand = ARGV[1], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local now = tonumber(ARGV[2])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local read = redis.call('HMGET', KEYS[1], 'landed', 'lease', 'until', 'spent', 'spender', 'doubtful', 'newest',
  'tainted', 'paused', 'ended')
local landed, lease, lease_until, spent, spender = tonumber(read[1]), read[2], tonumber(read[3]), tonumber(read[4]), read[5]
local doubtful, newest, tainted, paused, ended = tonumber(read[6]), tonumber(read[7]) or 0, read[8], tonumber(read[9]) or 0, read[10]

local function set(...)
  redis.call('HSET', KEYS[1], ...)
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
local function free()
  if lease == holder then redis.call('HDEL', KEYS[1], 'lease', 'until') end
end
local is_mine = spent == generation and spender == holder

if op == 'take' then
  redis.call('SET', KEYS[2], now, 'NX')
  local since = redis.call('GET', KEYS[2])
  if ended then return {'ended', '', since} end
  if landed and landed > generation then return {'landed', redis.call('HGET', KEYS[1], 'value') or '', since} end
  if lease and now < lease_until and lease ~= holder then return {'busy', '', since} end
  if generation < newest or spent == generation then return {'lost', '', since} end
  if spent then tainted = '1' set('tainted', '1') end
  set('newest', generation)
  if now < paused then return {'paused', '', since} end
  set('lease', holder, 'until', now + tonumber(operand))
  if tainted or doubtful == generation then return {'doubtful', '', since} end
  return {'lease', '', since}
elseif op == 'renew' then
  if lease ~= holder then return 0 end
  set('until', now + tonumber(operand))
  return 1
elseif op == 'spend' then
  if lease ~= holder or now >= lease_until or spent == generation or ended then return 0 end
  if landed and landed > generation then return 0 end
  set('spent', generation, 'spender', holder)
  return 1
elseif op == 'land' then
  if not is_mine then return 0 end
  set('landed', generation + 1, 'value', operand)
  redis.call('HDEL', KEYS[1], 'spent', 'spender')
  free()
  return 1
elseif op == 'give_back' then
  if not is_mine then return 0 end
  redis.call('HDEL', KEYS[1], 'spent', 'spender')
  -- The operand is the pause; negative: the request was sent.
  local pause = tonumber(operand)
  if pause < 0 then
    set('doubtful', generation)
    pause = -pause
  end
  set('paused', now + pause)
  free()
  return 1
elseif op == 'end' then
  if not is_mine then return 0 end
  set('ended', '1')
  free()
  return 1
elseif op == 'begin' then
  if ended or (landed and landed > generation) then return 0 end
  set('landed', generation, 'value', operand)
  return 1
elseif op == 'current' then
  if ended then return {'ended', ''} end
  if not landed then return {'nothing', ''} end
  return {'session', redis.call('HGET', KEYS[1], 'value') or ''}
elseif op == 'close' then
  redis.call('HDEL', KEYS[1], 'landed', 'value')
  set('ended', '1')
  return 1
elseif op == 'touch' then
  return redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
return redis.error_reply('unknown operation')
