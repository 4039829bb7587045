--- Everything but good packets, thrown at a live node.

local core = require "shoal.core"
local dice = require "spec.support.dice"
local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local wait = require "spec.support.wait"

local cluster, target, udp, known

local function send(bytes)
  udp:send(bytes)
end

-- Until the node has read what was sent so far, and so before more is sent than
-- its socket holds.
local sent = 0
local function send_all(packets)
  for _, bytes in ipairs(packets) do
    send(bytes)
    sent = sent + 1
    if sent % 100 == 0 then
      target:info()
    end
  end
end

local function u16(n)
  return string.char(math.floor(n / 256), n % 256)
end

-- A well-formed gossip to the target from a member that does not exist, which the
-- cluster must not come to believe in: the specs break it before they send it. In the
-- compact form of an identity, most other bytes are another identity.
local function good_packet()
  local header = core.codec.encode_header({
    kind = "ping", number = 7, src = core.stock_identity("127.0.0.1:9", 1, { meta = 1 }), src_incarnation = 0,
    dst = target:info().identity,
  })
  local member = core.codec.encode_member({
    id = core.stock_identity("127.0.0.1:10", 1), incarnation = 0, state = "alive",
  })
  return header .. u16(1) .. member .. u16(3) .. "abc", #header
end

local function drops()
  return target:info().drops
end

local function resident_kib()
  return tonumber(process.read("/proc/" .. target.pid .. "/status"):match("VmRSS:%s*(%d+)"))
end

local function assert_unmoved()
  wait.for_that(function()
    return node.converged(cluster)
  end, 5, "unchanged membership")
  assert.equal(known, #target:members(true))
end

describe("a live node under junk", function()
  before_each(function()
    cluster = node.start_cluster(3)
    target = cluster[2]
    wait.for_that(function()
      return node.converged(cluster)
    end, 5, "converged cluster")
    known = #target:members(true)
    udp = assert(socket.udp())
    local host, port = target.addr:match("^(.*):(%d+)$")
    assert(udp:setpeername(host, tonumber(port)))
  end)
  after_each(function()
    udp:close()
    process.cleanup()
  end)

  it("refuses random bytes, and counts them", function()
    local random, packets = dice(11), {}
    for i = 1, 2000 do
      local bytes = {}
      for j = 1, random(200) do
        bytes[j] = string.char(random(256) - 1)
      end
      packets[i] = table.concat(bytes)
    end
    send_all(packets)
    local counted = 0
    wait.for_that(function()
      local info = target:info()
      counted = info.host.foreign_cluster
      for _, count in pairs(info.drops) do
        counted = counted + count
      end
      return counted >= 1900, counted .. " were counted"
    end, 5, "count of drops")
    assert_unmoved()
  end)

  it("refuses a packet cut at any byte", function()
    local packet, header = good_packet()
    local packets = {}
    for length = 1, #packet - 1 do
      -- without its broadcast, or without anything but a header, it is a good one
      if length ~= #packet - 5 and length ~= header then
        packets[#packets + 1] = packet:sub(1, length)
      end
    end
    send_all(packets)
    wait.for_that(function()
      return drops().malformed == #packets, drops().malformed
    end, 5, "count of malformed packets")
    assert_unmoved()
  end)

  it("refuses a packet with any byte made another type", function()
    local packet, header = good_packet()
    local packets = {}
    for at = 1, header do
      for _, byte in ipairs { 0x00, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xca, 0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xff } do
        if packet:byte(at) ~= byte then
          packets[#packets + 1] = packet:sub(1, at - 1) .. string.char(byte) .. packet:sub(at + 1)
        end
      end
    end
    send_all(packets)
    wait.for_that(function()
      -- malformed, no identity, or, with a byte of our own changed, for somebody else
      local counts = drops()
      return counts.malformed > 100 and counts.identity > 100 and counts.not_for_us > 30
    end, 5, "count of what was refused")
    assert.equal("alive", target:sees(cluster[1]))
    assert.equal("alive", target:sees(cluster[3]))
  end)

  it("refuses counts and lengths that lie", function()
    local packet, header = good_packet()
    local member = packet:sub(header + 3, -6)
    local head = packet:sub(1, header)
    local packets = {
      head .. u16(2) .. member, -- one member too few
      head .. u16(65535) .. member,
      head .. u16(0) .. member, -- a member where broadcasts are
      head .. u16(1) .. member .. u16(4) .. "abc", -- a broadcast longer than the packet
      head .. u16(1) .. member .. u16(65535),
      head .. u16(1) .. member .. u16(0), -- an empty broadcast
      head .. u16(1) .. member .. "\0", -- half a length
      head .. u16(1) .. "\221\255\255\255\255", -- a member of four thousand million elements
      head .. u16(1) .. "\147\219\127\255\255\255", -- an identity of two thousand million bytes
      head .. u16(1) .. "\147" .. ("\145"):rep(500), -- an identity without end
      "\221\255\255\255\255",
      "\149\001\000\221\016\000\000\000",
    }
    local before = drops().malformed
    send_all(packets)
    wait.for_that(function()
      return drops().malformed == before + #packets, drops().malformed
    end, 5, "count of malformed packets")
    assert_unmoved()
  end)

  it("counts packets of another cluster and of other versions", function()
    local packet = good_packet()
    local before = target:info()
    send_all({ "\193\004blue" .. packet, "\193\004blue", "\193", packet:sub(1, 1) .. "\002" .. packet:sub(3) })
    wait.for_that(function()
      local info = target:info()
      return info.host.foreign_cluster >= before.host.foreign_cluster + 2
        and info.drops.unsupported == before.drops.unsupported + 1
    end, 5, "counts")
    assert_unmoved()
  end)

  it("tells it in the log, but not every time", function()
    local packets = {}
    for i = 1, 500 do
      packets[i] = "junk"
    end
    send_all(packets)
    wait.for_that(function()
      return drops().malformed >= 490
    end, 5, "count of malformed packets")
    local _, lines = target:log():gsub("malformed", "")
    assert.equal(1, lines)
  end)

  it("does not grow", function()
    local random = dice(5)
    local function burst(count)
      local packets, packet = {}, good_packet()
      for i = 1, count do
        local at = random(#packet)
        packets[i] = packet:sub(1, at - 1) .. string.char(random(256) - 1, random(256) - 1) .. packet:sub(at + 1)
      end
      send_all(packets)
    end
    burst(1000)
    local before = resident_kib()
    burst(10000)
    local grown = resident_kib() - before
    assert.is_true(grown < 1024 * (wait.slow and 4 or 1), ("grew by %d KiB"):format(grown))
    assert.equal("alive", target:sees(cluster[1]))
  end)
end)
