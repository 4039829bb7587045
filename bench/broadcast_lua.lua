-- SPDX-License-Identifier: MIT
-- Custom broadcasts that packets bring, through a Lua handler which keeps a map:
-- items per second, first new ones, then the same again.
local core = require "shoal.core"
local driver = require "bench.driver"

local PACKETS, ITEMS = 1000, 60

-- Keys as a cache has them, no two alike.
local function item(i)
  return ("user:%08x"):format(i * 2654435761 % 2 ^ 32)
end

local function packets()
  local header = assert(core.codec.encode_header { kind = "broadcast", src_incarnation = 0,
    src = core.stock_identity("10.0.0.1:7946", 1), dst = core.stock_identity("10.0.0.2:7946", 1) })
  local list = {}
  for i = 1, PACKETS do
    local parts = { header }
    for k = 1, ITEMS do
      local data = item(i * ITEMS + k)
      parts[k + 1] = string.char(0, #data) .. data
    end
    list[i] = table.concat(parts)
  end
  return list
end

local function receive_all(engine, list)
  local start = driver.cpu()
  for i = 1, #list do
    engine:receive(1, list[i])
    for _ in engine:effects() do end -- luacheck: ignore 542
  end
  return PACKETS * ITEMS / (driver.cpu() - start)
end

local list = packets()

driver.run(function()
  local known, calls = {}, 0
  local function receive(_, data)
    calls = calls + 1
    if known[data] then
      return nil
    end
    known[data] = true
    return data
  end
  -- nobody has shown the engine that it receives what is sent to it
  local engine = assert(core.new { identity = core.stock_identity("10.0.0.2:7946", 1), seed = 1,
    config = { check_strangers = false }, handlers = { broadcast = { receive = receive } } })
  local new = receive_all(engine, list)
  local again = driver.phases > 1 and receive_all(engine, list) or 0
  assert(calls == (again > 0 and 2 or 1) * PACKETS * ITEMS, "some items did not arrive")
  engine:close()
  collectgarbage()
  return new, again
end)
