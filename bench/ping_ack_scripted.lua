-- SPDX-License-Identifier: MIT
-- A ping of a known member, answered by an engine whose identities are a
-- script's, as a multiple of the same with stock identities. What a script said
-- of an identity is kept with it, so a member that is known asks nothing.
local core = require "shoal.core"
local driver = require "bench.driver"

local MEMBERS, PACKETS, ROUNDS = 10000, 500, 40

local function address(i)
  return ("10.1.%d.%d:7946"):format(math.floor(i / 256), i % 256)
end

local function scripted(i)
  return { at = address(i), life = 1795416443 }
end

local function stock(i)
  return core.stock_identity(address(i), 1795416443)
end

local identity = {
  addr = function(id) return id.at end,
  endpoint = function(id) return id.at end,
  wins = function(id, adversary) return id.life > adversary.life end,
}

local function engine_of(make, handlers)
  local engine = assert(core.new { identity = make(60000), cluster_size = MEMBERS, handlers = handlers, seed = 1 })
  local states = {}
  for i = 1, MEMBERS do
    states[i] = { id = make(i), state = "alive", incarnation = 0 }
  end
  assert(engine:apply(0, states, { broadcast = false }))
  for _ in engine:effects() do end -- luacheck: ignore 542
  local packets = {}
  for i = 1, PACKETS do
    local header = { kind = "ping", number = i % 256, src = make(i * 17 % MEMBERS + 1), src_incarnation = 0,
      dst = make(60000) }
    packets[i] = assert(core.codec.encode_header(header)) .. "\0\0"
  end
  return { engine = engine, packets = packets }
end

local function time(side)
  local engine, packets = side.engine, side.packets
  local start = driver.cpu()
  for i = 1, #packets do
    engine:receive(1, packets[i])
    for _ in engine:sends() do end -- luacheck: ignore 542
  end
  return driver.cpu() - start
end

local ours = engine_of(scripted, { identity = identity })
local plain = engine_of(stock)
local calls = ours.engine:stats().handlers.calls

driver.run(function()
  local with, without = 0, 0
  for _ = 1, ROUNDS do
    with = with + time(ours)
    without = driver.phases > 1 and without + time(plain) or 1
  end
  assert(ours.engine:stats().handlers.calls == calls, "a known member was asked about")
  return with / without
end)
