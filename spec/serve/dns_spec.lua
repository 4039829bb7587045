--- `shoal run --dns`: services and members by DNS, asked by dig, and by clients that are worse.

local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local wait = require "spec.support.wait"

local SERVICES = [[
return require("shoal.services").script { services = {
  web = { port = 8080, tags = { "v2", "Blue.1" }, weight = 3 },
  six = { port = 81, host = "fd00::1" },
  far = { port = 82, host = "db.example.org" },
  db = { port = 5432, tags = { "main" }, check = { ttl = 3600 } },
} }
]]

describe("DNS", function()
  after_each(process.cleanup)

  local function start(options)
    options = options or {}
    options.args = options.args or {}
    table.insert(options.args, "--dns")
    table.insert(options.args, "127.0.0.1:0")
    return node.start(options)
  end

  local function port_of(member)
    member.dns_port = member.dns_port or member:info().dns.place:match ":(%d+)$"
    return member.dns_port
  end

  -- What dig says: its whole text.
  local function dig(member, ...)
    local done = process.run { "dig", "@127.0.0.1", "-p", port_of(member), "+norecurse", "+nocookie", "+timeout=5",
      ... }
    assert.equal(0, done.code, done.out)
    return done.out
  end

  -- The records alone, sorted.
  local function short(member, ...)
    local lines = {}
    for line in dig(member, "+short", ...):gmatch "[^\n]+" do lines[#lines + 1] = line end
    table.sort(lines)
    return lines
  end

  local function status(member, ...)
    return dig(member, ...):match "status: (%u+)"
  end

  it("answers dig with the services that pass, their tags, and members", function()
    local a = start { source = SERVICES, name = "a", args = { "--tag", "zone=b", "--tag", "n=2" } }
    assert.matches("dns=127%.0%.0%.1:%d+", a:log())
    assert.same({ "127.0.0.1" }, short(a, "web.service.shoal"))
    assert.same({ "127.0.0.1" }, short(a, "v2.web.service.shoal"))
    assert.same({ "127.0.0.1" }, short(a, "blue.1.web.service.shoal"))
    assert.same({ "fd00::1" }, short(a, "six.service.shoal", "AAAA"))
    assert.same({ "1 3 8080 a.node.shoal." }, short(a, "web.service.shoal", "SRV"))
    assert.same({ "1 3 8080 a.node.shoal." }, short(a, "_web._tcp.service.shoal", "SRV"))
    assert.same({ "1 3 8080 a.node.shoal." }, short(a, "_web._udp.service.shoal", "SRV"))
    assert.same({ "1 1 82 db.example.org." }, short(a, "far.service.shoal", "SRV"))
    local target = "fd000000000000000000000000000001.addr.shoal."
    assert.same({ "1 1 81 " .. target }, short(a, "six.service.shoal", "SRV"))
    assert.same({ "fd00::1" }, short(a, target, "AAAA"))
    assert.same({ '"v2" "Blue.1"' }, short(a, "web.service.shoal", "TXT"))
    assert.same({ "127.0.0.1" }, short(a, "a.node.shoal"))
    assert.same({ '"n=2" "zone=b"' }, short(a, "a.node.shoal", "TXT"))
    assert.same({ "127.0.0.1" }, short(a, "+tcp", "web.service.shoal"))
    assert.matches("ADDITIONAL SECTION:\na%.node%.shoal%.%s+0%s+IN%s+A%s+127%.0%.0%.1\n",
      (dig(a, "web.service.shoal", "SRV")))
    assert.matches("\nWeB%.SERvice%.shoAL%.%s+0%s+IN%s+A%s", (dig(a, "WeB.SERvice.shoAL")))
    assert.matches("flags: qr aa rd;", (dig(a, "+recurse", "web.service.shoal")))
  end)

  it("says what is not there, and of what it does not know", function()
    local a = start { source = SERVICES, name = "a", args = { "--dns-ttl", "5" } }
    local nothing = "status: NOERROR.*ANSWER: 0, AUTHORITY: 1.*\nshoal%.%s+5%s+IN%s+SOA%s+ns%.shoal%. "
      .. "hostmaster%.shoal%. %d+ 3600 600 86400 5\n"
    for _, name in ipairs { "db.service.shoal", "main.db.service.shoal", "service.shoal", "_tcp.service.shoal",
      "1.web.service.shoal", "far.service.shoal", "node.shoal", "addr.shoal", "shoal" } do
      assert.matches(nothing, (dig(a, name)))
    end
    assert.matches(nothing, (dig(a, "web.service.shoal", "AAAA")))
    assert.matches(nothing, (dig(a, "web.service.shoal", "MX")))
    for _, name in ipairs { "none.service.shoal", "blue.web.service.shoal", "web.shoal", "b.node.shoal",
      "_web._sctp.service.shoal", "_tcp.web.service.shoal", "00000000.addr.shoal", "xx.addr.shoal" } do
      assert.matches(nothing:gsub("NOERROR", "NXDOMAIN"), (dig(a, name)))
    end
    assert.equal("REFUSED", status(a, "example.org"))
    assert.equal("REFUSED", status(a, "notshoal"))
    assert.equal("REFUSED", status(a, "-x", "127.0.0.1"))
    assert.equal("REFUSED", status(a, "web.service.shoal", "CH", "A"))
    assert.equal("NOTIMP", status(a, "+opcode=status", "web.service.shoal"))
    assert.equal("BADVERS", status(a, "+edns=1", "+noednsnegotiation", "web.service.shoal"))
    assert.same({ "ns.shoal." }, short(a, "shoal", "NS"))
    assert.same({ "127.0.0.1" }, short(a, "ns.shoal"))
    assert.same({ "127.0.0.1" }, short(a, "web.service.shoal", "ANY"))
  end)

  it("has another domain, and follows what changes here and elsewhere", function()
    local a = start { source = SERVICES, name = "a", config = "loopback", args = { "--domain", "Cluster.Test." } }
    local b = node.start { source = SERVICES:gsub("8080", "8081"), name = "b", join = { a }, config = "loopback" }
    wait.for_that(function()
      return #short(a, "web.service.cluster.test", "SRV") == 2
    end, 10, "two instances")
    assert.equal("REFUSED", status(a, "web.service.shoal"))
    assert.equal("web is maintenance\n", a:ask("service", "drain", "web").out)
    wait.for_that(function()
      return #short(a, "web.service.cluster.test", "SRV") == 1
    end, 10, "the other alone")
    assert.same({ "1 3 8081 b.node.cluster.test." }, short(a, "web.service.cluster.test", "SRV"))
    assert.equal("web is passing\n", a:ask("service", "resume", "web").out)
    b:signal "KILL"
    wait.for_that(function()
      local list = short(a, "web.service.cluster.test", "SRV")
      return #list == 1 and list[1] == "1 3 8080 a.node.cluster.test."
    end, 20, "this one alone")
    assert.equal("NXDOMAIN", status(a, "b.node.cluster.test"))
  end)

  it("says what is missing, and nothing starts", function()
    local function run(...)
      return process.cli("run", "examples/hello.lua", "--control", process.tempdir() .. "/c.sock", ...)
    end
    local done = run("--dns", "0.0.0.0:0")
    assert.equal(1, done.code)
    assert.matches("^shoal: %-%-dns: 0.0.0.0:0 is not a loopback address", done.err)
    assert.matches("%-%-dns: localhost:53 is not an IP address", run("--dns", "localhost:53").err)
    for _, domain in ipairs { "a..b", "ex ample", "a;b", ("x"):rep(63) } do
      assert.matches("^shoal: %-%-domain: '.*' is not a domain: it has letters, .* at most 62 bytes\n$",
        run("--dns", "127.0.0.1:0", "--domain", domain).err)
    end
    assert.equal("shoal: --dns: unix:/tmp/x is not an address and a port, as 127.0.0.1:8600\n",
      run("--dns", "unix:/tmp/x").err)
    assert.equal(2, run("--dns-public").code)
    assert.equal(2, run("--domain", "x").code)
    assert.equal(2, run("--dns", "127.0.0.1:0", "--dns-ttl", "6").code)
    local taken = assert(socket.bind("127.0.0.1", 0))
    local place = "127.0.0.1:" .. select(2, taken:getsockname())
    local err = run("--dns", place).err
    assert.equal(1, select(2, err:gsub("cannot", "")), err)
    assert.matches(place:match ":%d+$":sub(2), err)
    taken:close()
  end)

  it("may be reached from elsewhere when that is said", function()
    local a = node.start { source = SERVICES, args = { "--dns", "0.0.0.0:0", "--dns-public" } }
    assert.same({ "127.0.0.1" }, short(a, "web.service.shoal"))
    assert.equal("NOERROR", status(a, "ns.shoal"))
  end)

  -- "\3web\7service\5shoal\0", A, IN
  local QUESTION = "\3web\7service\5shoal\0\0\1\0\1"
  local function query(id, counts, rest)
    return id .. "\0\0" .. (counts or "\0\1\0\0\0\0\0\0") .. (rest or QUESTION)
  end

  local function connect(member)
    local client = assert(socket.tcp())
    client:settimeout(20)
    assert(client:connect("127.0.0.1", tonumber(port_of(member))))
    return client
  end

  local function receive(client)
    local size = client:receive(2)
    return size and client:receive(size:byte(1) * 256 + size:byte(2))
  end

  it("answers no answers, and says of the rest what is wrong", function()
    local a = start { source = SERVICES }
    local client = assert(socket.udp())
    client:settimeout(20)
    assert(client:setpeername("127.0.0.1", tonumber(port_of(a))))
    local function ask(bytes)
      client:send(bytes)
      client:send(query "\255\255") -- is answered in any case
      local answer = client:receive()
      if answer:sub(1, 2) == "\255\255" then
        return nil
      end
      assert.equal("\255\255", client:receive():sub(1, 2))
      return answer:byte(4) % 16, answer
    end
    assert.is_nil(ask "short")
    assert.is_nil(ask(query("ab"):gsub("^(..)%z", "%1\128")))
    assert.equal(0, (ask(query "ab")))
    assert.equal(1, (ask(query("ab", "\0\2\0\0\0\0\0\0"))))
    assert.equal(1, (ask(query("ab", "\0\0\0\0\0\0\0\0", ""))))
    assert.equal(1, (ask(query("ab", "\0\1\0\1\0\0\0\0"))))
    assert.equal(1, (ask(query("ab", nil, QUESTION .. "x"))))
    assert.equal(1, (ask(query("ab", nil, "\192\12\0\1\0\1"))))
    assert.equal(1, (ask(query("ab", nil, "\64" .. ("a"):rep(64) .. "\0\0\1\0\1"))))
    assert.equal(1, (ask(query("ab", "\0\1\0\0\0\0\0\2", QUESTION .. ("\0\0\41\4\0\0\0\0\0\0\0"):rep(2)))))
    client:close()
  end)

  it("answers query after query of one connection, however they are written", function()
    local a = start { source = SERVICES }
    local client, other = connect(a), connect(a)
    local one = query "ab"
    one = ("%c%c"):format(0, #one) .. one
    client:send(one:rep(50))
    for _ = 1, 50 do
      assert.equal("ab", receive(client):sub(1, 2))
    end
    for i = 1, #one do
      other:send(one:sub(i, i))
    end
    assert.equal("ab", receive(other):sub(1, 2))
    assert.equal(2, a:info().dns.connections)
    other:send "\255\255" -- nobody asks for so much
    assert.is_nil(receive(other))
    client:send "\0\0"
    assert.is_nil(receive(client))
    client:close()
    other:close()
    wait.for_that(function() return a:info().dns.connections == 0 end, 10, "no connection")
  end)

  it("lets the longest idle of too many connections go", function()
    local a = start { source = SERVICES }
    local clients = {}
    for i = 1, 65 do
      clients[i] = connect(a)
    end
    assert.is_nil(receive(clients[1]))
    local one = query "zz"
    clients[65]:send(("%c%c"):format(0, #one) .. one)
    assert.equal("zz", receive(clients[65]):sub(1, 2))
    local info = a:info().dns
    assert.equal(64, info.connections)
    assert.equal(1, info.cut_off)
    for _, client in ipairs(clients) do
      client:close()
    end
  end)

  it("describes a member again that could not be described for want of memory", function()
    local core, turn, handlers, has_memory, there = require "shoal.core", nil, {}, true, {}
    local listen = core.dns_listen
    core.dns_listen = function(_, callbacks)
      turn = callbacks.on_turn
      return {
        put = function(_, key, name)
          there[key] = nil
          if not has_memory then error "not enough memory" end
          there[key] = name
        end,
        drop = function(_, key)
          if not has_memory and key == core.pack "gone" then error "not enough memory" end
          there[key] = nil
        end,
      }
    end
    local server = require "shoal.serve.dns".listen "any"
    core.dns_listen = listen
    local now, tags = 1000, { x = 1 }
    local function member(name, state) return { addr = name, state = state or "alive", id = { name = name } } end
    local members = { member "other", member "gone" }
    server:attach {
      on = function(_, name, fn) handlers[name] = fn end, is_closed = function() return false end,
      members = function() return members end, time = function() return now end,
      connection = function() return "connected" end, identity = function() return member "own" end,
      tags = function() return tags end,
    }
    local own, other, gone = core.pack "own", core.pack "other", core.pack "gone"
    assert.is_truthy(there[gone])
    assert.same({ [own] = "", [other] = "" }, { [own] = there[own] and "", [other] = there[other] and "" })
    has_memory, tags = false, { x = 2 }
    assert.has_error(turn)
    assert.has_error(function() handlers.tags(nil, member "other") end)
    members[2] = member("gone", "down")
    assert.has_error(function() handlers.member_down(nil, members[2]) end)
    assert.same({ [gone] = "gone" }, there)
    has_memory, tags = true, { x = 1 } -- as they were
    turn()
    assert.is_truthy(there[own])
    assert.is_truthy(there[other])
    assert.is_nil(there[gone])
  end)
end)
