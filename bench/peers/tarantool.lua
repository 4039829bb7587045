-- SPDX-License-Identifier: MIT
-- Members of tarantool's swim module, for bench/peers/run.lua:
--
--   tarantool tarantool.lua PORT SEED       one; SEED is "" or host:port
--   tarantool tarantool.lua PORT SEED 128   as many in one process, all through the
--                                           first
--
-- One member prints "up ADDR", "down ADDR" and "got DATA", and makes every line
-- of its stdin its payload. Many print "joined" when all know all.
local fiber = require "fiber"
local socket = require "socket"
local swim = require "swim"
local uuid = require "uuid"

-- The periods of the others' `lan`; when to suspect and when to bury is built in.
local HEARTBEAT, ACK_TIMEOUT = 1, 0.5

io.stdout:setvbuf "line"

-- It asks once; asking again is left to its user.
local function join(node, seed)
  fiber.create(function()
    while node:size() == 1 do
      assert(node:probe_member(seed))
      fiber.sleep(1)
    end
  end)
end

local function start(port, seed)
  local node = assert(swim.new { uuid = uuid.new(), uri = "127.0.0.1:" .. port, heartbeat_rate = HEARTBEAT,
    ack_timeout = ACK_TIMEOUT, gc_mode = "on" })
  if seed ~= "" then
    join(node, seed)
  end
  return node
end

local function tell(member, event)
  local gone = event:is_drop() or event:is_new_status() and member:status() == "dead"
  if event:is_new() then
    print("up " .. member:uri())
  elseif gone then
    print("down " .. member:uri())
  end
  if event:is_new_payload() and member:payload() then
    print("got " .. member:payload())
  end
end

local function one(port, seed)
  local node = start(port, "")
  node:on_member_event(tell)
  if seed ~= "" then
    join(node, seed)
  end
  while socket.iowait(0, "R") do
    local line = io.read "*l"
    if not line then
      break
    end
    assert(node:set_payload(line))
  end
  fiber.sleep(math.huge)
end

local function many(count)
  local nodes = {}
  for i = 1, count do
    nodes[i] = start(0, nodes[1] and nodes[1]:self():uri() or "")
  end
  for _, node in ipairs(nodes) do
    while node:size() < count do
      fiber.sleep(0.001)
    end
  end
  print "joined"
  fiber.sleep(math.huge)
end

if arg[3] then
  many(tonumber(arg[3]))
else
  one(arg[1], arg[2])
end
