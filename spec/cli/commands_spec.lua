--- Each command against real nodes.

local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local KEEP = [[
local M = { broadcast = {} }
function M.broadcast.receive(_, data)
  return data ~= "old" and data or nil
end
return M
]]

local function pair(options)
  local a = node.start({ name = "a", source = KEEP })
  options = options or {}
  options.name, options.join = options.name or "b", { a }
  local b = node.start(options)
  wait.for_that(function()
    return node.converged({ a, b })
  end, 5, "cluster of two")
  return a, b
end

describe("shoal", function()
  after_each(process.cleanup)

  -- The lines of a table, without its head.
  local function table_lines(out, head)
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.truthy(lines[1]:find("^" .. head:gsub(" ", " +"):gsub("^ %+", "  ") .. "$"), lines[1])
    return table.remove(lines, 1) and lines
  end

  local function literal(addr)
    return (addr:gsub("%p", "%%%0"))
  end

  it("members prints a table: name, address, state, since when, tags; our own line is marked", function()
    local a, b = pair({ args = { "--tag", "zone=x", "--tag", "long=" .. ("y"):rep(60) } })
    wait.for_that(function() return a:ask("members").out:find("zone=x") end, 5, "tags of the other")
    local done = a:ask("members", "--sort", "name")
    assert.equal(0, done.code)
    local lines = table_lines(done.out, " NAME ADDRESS STATE SINCE TAGS")
    assert.truthy(lines[1]:find("^%* a +" .. literal(a.addr) .. " +alive +%d+s +%-$"), lines[1])
    assert.truthy(lines[2]:find("^  b +" .. literal(b.addr) .. " +alive +%d+s +long=y+ zone=x$"), lines[2])
    local narrow = process.run { process.shoal, "members", "--control", a.control, "--timeout", "60",
      env = { COLUMNS = "80" } }
    for line in narrow.out:gmatch("[^\n]+") do assert.is_true(#line <= 80, line) end
    assert.truthy(narrow.out:find("yyy...\n", 1, true), narrow.out)
  end)

  it("members shows the text of an identity that is a list; of one without, little", function()
    local bare = node.start { source = [[
      return { identity = { new = function(opts) return { opts.advertise, ("\200"):rep(64) } end,
        addr = function(id) return id[1] end, renew = function(id) return id end,
        wins = function() return false end } }]] }
    local row = table_lines(bare:ask("members").out, " NAME ADDRESS STATE SINCE TAGS")[1]
    assert.truthy(row:find("^%* %[127%.%S*%.%.%. +" .. literal(bare.addr) .. " "), row)
    assert.equal(24, #row:match "^..(%S+)")
    local member = node.start { source = [[
      return { identity = { new = function(opts) return { opts.advertise, 1, "web-1", ("\200"):rep(64) } end,
        addr = function(id) return id[1] end, renew = function(id) return id end,
        wins = function() return false end } }]] }
    local lines = table_lines(member:ask("members").out, " NAME ADDRESS STATE SINCE TAGS")
    assert.truthy(lines[1]:find("^%* web%-1 +" .. literal(member.addr) .. " +alive"), lines[1])
    assert.equal(0, member:ask("members", "--member", "web-1").code)
    assert.is_true(#lines[1] < 100, lines[1])
    assert.truthy(member:ask("info").out:gsub("%s", ""):find(("\\xc8"):rep(64), 1, true))
  end)

  it("members shows some, in an order, and again and again", function()
    local a, b = pair({ args = { "--tag", "zone=x" } })
    wait.for_that(function() return a:ask("members").out:find("zone=x") end, 5, "tags of the other")
    local function names(...)
      local found = {}
      for _, line in ipairs(table_lines(a:ask("members", ...).out, " NAME ADDRESS STATE SINCE TAGS")) do
        found[#found + 1] = line:match("^..(%S+)")
      end
      return table.concat(found, " ")
    end
    assert.equal("a b", names("--sort", "name"))
    assert.equal(a.addr < b.addr and "a b" or "b a", names("--sort", "address"))
    assert.equal(3, #names("--sort", "since")) -- both, whichever began first
    assert.equal("b", names("--member", b.addr))
    assert.equal("a", names("--member", "a"))
    assert.same({ code = 1, out = "", err = "shoal: no member of this list has the name or the address 'nope'\n" },
      a:ask("members", "--member", "nope"))
    assert.same({ code = 1, out = "[]\n", err = "shoal: no member of this list has the name or the address 'nope'\n" },
      a:ask("members", "--member", "nope", "--json"))
    assert.equal("b", names("--tag", "zone"))
    assert.equal("", names("--state", "down"))
    local watching = process.start { process.shoal, "members", "--watch", "--control", a.control }
    b:ask("leave")
    wait.for_that(function() return names("--state", "down") == "b" end, 10, "down member")
    wait.for_that(function()
      local last = watching:stdout():match(".*NAME(.*\n)$")
      return last and last:find("* a ", 1, true) and not last:find("\n  b ")
    end, 10, "second picture")
    watching:signal("INT")
    assert.equal(0, watching:wait(5))
  end)

  it("members --json prints one array, ourselves excluded", function()
    local a, b = pair()
    local list = dkjson.decode(a:ask("members", "--json").out)
    assert.equal(1, #list)
    local seen = list[1]
    assert.equal(b.addr, seen.addr)
    assert.equal("alive", seen.state)
    assert.equal(0, seen.incarnation)
    assert.is_true(math.abs(os.time() - seen.since) < 60)
    assert.equal("b", seen.id.name)
    local fields = 0
    for _ in pairs(seen) do
      fields = fields + 1
    end
    assert.equal(6, fields) -- with tags, which are none
  end)

  it("members --json of nobody is an empty array", function()
    local alone = node.start({})
    assert.equal("[]\n", alone:ask("members", "--json").out)
    assert.equal("[]\n", alone:ask("members", "--json", "--all").out)
  end)

  it("members --all adds the down ones, and says why they are", function()
    local a, b = pair()
    b:signal("TERM")
    assert.equal(0, b:wait(5))
    wait.for_that(function()
      return a:sees(b) == "down"
    end, 2, "down member")
    assert.equal("[]\n", a:ask("members", "--json").out)
    local lines = a:ask("members", "--all").out
    assert.truthy(lines:find("\n  b +" .. literal(b.addr) .. " +down %(left%) +%d+s"), lines)
    assert.equal("left", dkjson.decode(a:ask("members", "--json", "--all").out)[1].reason)
  end)

  it("members --rtt adds the round-trip times", function()
    local a, b = pair({ config = "loopback" })
    local alone = node.start({ name = "alone" })
    assert.truthy(alone:ask("members", "--rtt").out:find("SINCE +RTT +TAGS\n%* alone .* %- +%-\n$"))
    wait.for_that(function()
      return dkjson.decode(a:ask("members", "--json").out)[1].rtt
    end, 5, "a measured time")
    local lines = a:ask("members", "--rtt").out
    assert.truthy(lines:find("  b +" .. literal(b.addr) .. " +alive +%d+s +[%d.]+ms"), lines)
    assert.is_nil(a:ask("members").out:find("RTT"))
  end)

  it("members escapes what a member says of itself", function()
    local evil = [[
      return { identity = {
        new = function(o) return { addr = o.bind, bump = 1, name = "\27[2J\n127.0.0.1:1  alive" } end,
        addr = function(id) return id.addr end,
        at = function(endpoint) return { addr = endpoint, bump = 0 } end,
      } }
    ]]
    local a = pair({ source = evil })
    local out = a:ask("members").out
    assert.truthy(out:find("\\x1b[2J\\n127.0.0.1:1  alive", 1, true), out)
    assert.is_nil(out:find("\27"))
  end)

  it("members lists twenty thousand", function()
    local a = node.start({ config = "lan", source = [[
      return { on_start = function(node)
        local claims = {}
        for i = 1, 20000 do
          local addr = ("10.%d.%d.1:7946"):format(i / 250, i % 250)
          claims[i] = { id = { addr = addr, bump = 1, name = ("x"):rep(60) }, incarnation = 0, state = "alive" }
        end
        assert(node:apply(claims, { broadcast = false }))
      end }
    ]] })
    local _, count = a:ask("members", "--json").out:gsub('"since":', "")
    assert.equal(20000, count)
  end)

  it("members shows identities and addresses that are no tables and strings", function()
    local golf = process.write(process.tempdir() .. "/golf.lua", [[
      local function port(endpoint) return tonumber(endpoint:match(":(%d+)$")) end
      return { identity = {
        new = function(o) return port(o.bind) end,
        addr = function(id) return id end,
        endpoint = function(id) return "127.0.0.1:" .. id end,
        at = port,
      } }
    ]])
    local a = node.start({ script = golf })
    local others = {}
    for i = 1, 3 do
      others[i] = node.start({ script = golf, join = { "127.0.0.1:" .. a.addr } }).addr
    end
    table.sort(others)
    wait.for_that(function()
      return #a:members() == 3
    end, 5, "cluster of four")
    for i, seen in ipairs(a:members()) do
      assert.equal(others[i], seen.addr)
      assert.equal(others[i], seen.id)
    end
    assert.truthy(a:ask("members").out:find("\n  " .. others[1] .. " +" .. others[1] .. " +alive +%d+s +%-\n"))
    assert.equal(0, a:ask("info").code)
  end)

  it("info prints what an operator asks for first", function()
    local a = pair()
    local out = a:ask("info").out
    for _, word in ipairs { "a", a.addr, "active", a.script, a.control, "generation 1" } do
      assert.truthy(out:find(word, 1, true), word .. " in " .. out)
    end
  end)

  it("info --json prints one object", function()
    local a, b = pair()
    local info = a:info()
    assert.equal(a.addr, info.addr)
    assert.equal("active", info.connection)
    assert.equal(1, info.counts.active)
    assert.equal(1, info.script.generation)
    assert.equal(a.addr, info.identity.addr)
    assert.is_true(info.packets.received > 0)
    assert.equal(0, info.handlers.errors)
    assert.equal("number", type(info.backlog.updates))
    assert.equal("table", type(info.drops))
    assert.equal("b", b:info().name)
  end)

  it("join brings two clusters together", function()
    local a, b = node.start({}), node.start({})
    local done = a:ask("join", b.addr)
    assert.equal(0, done.code, done.err)
    wait.for_that(function()
      return node.converged({ a, b })
    end, 5, "cluster of two")
  end)

  it("join says which endpoint is none", function()
    local a = node.start({})
    local codes = { nowhere = 2, ["127.0.0.1:99999"] = 2, ["no-such-host.invalid:1"] = 1, ["[::1]:7946"] = 1 }
    for broken, code in pairs(codes) do
      local done = a:ask("join", broken)
      assert.equal(code, done.code)
      assert.truthy(done.err:find("^shoal: [^\n]*\n$") and done.err:find(broken, 1, true), done.err)
    end
  end)

  it("leave ends the node after it has told the others", function()
    local a, b = pair()
    b:watch()
    local done = a:ask("leave")
    assert.equal(0, done.code, done.err)
    assert.equal(0, a:wait(1))
    wait.for_that(function()
      return b:heard("member_down", a)
    end, 1, "word that it is down")
    assert.equal(1, a:ask("info").code)
  end)

  it("tags shows a node's tags, changes them, and members selects by them", function()
    local a, b = pair()
    assert.same({ code = 0, out = "", err = "" }, a:ask "tags")
    assert.same({ code = 0, out = "draining=true\nport=8080\nzone=b\n", err = "" },
      a:ask("tags", "zone=b", "port=8080", "draining=true"))
    assert.same({ code = 0, out = "port=8080\nzone=c\n", err = "" },
      a:ask("tags", "zone=c", "--delete", "draining"))
    assert.same({ code = 2, out = "", err = "shoal: the tag 'a' is both set and deleted\n" },
      a:ask("tags", "a=1", "--delete", "a"))
    assert.same({ code = 2, out = "", err = "shoal: the tag 'a' is given twice\n" }, a:ask("tags", "a=1", "a=2"))
    assert.equal('{"port":8080,"zone":"c"}\n', a:ask("tags", "--json").out)
    local function selected(...)
      return #dkjson.decode(b:ask("members", "--json", ...).out)
    end
    wait.for_that(function() return selected("--tag", "zone=c") == 1 end, 5, "the tags at b")
    assert.equal(1, selected("--tag", "port=8080", "--tag", "zone"))
    assert.equal(0, selected("--tag", "port=80"))
    assert.equal(0, selected("--tag", "draining"))
    assert.truthy(b:ask("members").out:find("TAGS", 1, true))
    assert.truthy(b:ask("members").out:find("port=8080 zone=c", 1, true))
    local refused = a:ask("tags", "text=" .. ("x"):rep(1000))
    assert.equal(1, refused.code)
    assert.equal("port=8080\nzone=c\n", a:ask("tags").out)
  end)

  it("run begins with the tags that it is given", function()
    local a = node.start { args = { "--tag", "zone=b", "--tag", "weight=10" } }
    assert.equal("weight=10\nzone=b\n", a:ask("tags").out)
  end)

  it("ask prints what each member answers, and fails when somebody is missing", function()
    local source = [[
      local M = { on_ask = {} }
      function M.on_ask.version(node, data) return { "1.4", data } end
      function M.on_ask.slow(node)
        if node:identity().name == "b" then error("not\nnow") end
      end
      return M
    ]]
    local a = node.start { name = "a", source = source }
    local b = node.start { name = "b", source = source, join = { a }, args = { "--tag", "zone=b" } }
    wait.for_that(function() return node.converged { a, b } end, 5, "cluster of two")
    local function lines_of(done)
      local list = {}
      for line in done.out:gmatch "[^\n]+" do list[#list + 1] = line:gsub(" +", " ") end
      return list
    end
    local function lines(...)
      local done = a:ask("ask", ...)
      assert.same({ 0, "" }, { done.code, done.err })
      return lines_of(done)
    end
    local both = { a.addr .. " [1.4,hi]", b.addr .. " [1.4,hi]" }
    table.sort(both)
    assert.same(both, lines("version", "hi"))
    assert.same({ b.addr .. " [1.4]" }, lines("version", "--member", "b"))
    wait.for_that(function() return a:ask("ask", "version", "--tag", "zone=b").code == 0 end, 5, "the tag at a")
    assert.same({ code = 1, out = "", err = "shoal: no member has these tags\n" },
      a:ask("ask", "version", "--tag", "zone=true"))
    assert.same({ b.addr .. " [1.4]" }, lines("version", "--tag", "zone"))
    local slow = a:ask("ask", "slow", "--member", "b")
    assert.same({ 1, "shoal: 1 of 1 answered with an error\n" }, { slow.code, slow.err })
    assert.same({ b.addr .. " error: script.lua:4: not\\nnow" },
      { (lines_of(slow)[1]:gsub("error: .*script", "error: script")) })
    local done = a:ask("ask", "version", "--json", "--member", b.addr)
    local result = dkjson.decode(done.out)
    assert.same({ 1, 0 }, { #result.answers, #result.missing })
    assert.same({ b.addr, { "1.4" } }, { result.answers[1].addr, result.answers[1].data })
    assert.equal(1, a:ask("ask", "version", "--member", "nobody").code)
    b:signal "STOP"
    done = a:ask("ask", "version", "--timeout", "0.5")
    b:signal "CONT"
    assert.equal(1, done.code)
    assert.equal(("shoal: 1 of 2 did not answer: b %s\n"):format(b.addr), done.err)
    assert.matches(a.addr, done.out, 1, true)
  end)

  it("forget takes a down member out of the list, and no other", function()
    local a, b = pair()
    local function forget(addr, code, err)
      local out = code == 0 and "forgot " .. addr .. "\n" or ""
      assert.same({ code = code, out = out, err = err or "" }, a:ask("forget", addr))
    end
    forget(b.addr, 1, "shoal: the member is active; only a down member can be forgotten; nothing changed\n")
    b:signal("TERM")
    assert.equal(0, b:wait(5))
    wait.for_that(function() return a:sees(b) == "down" end, 2, "down member")
    forget(b.addr, 0)
    assert.equal("[]\n", a:ask("members", "--json", "--all").out)
    forget(b.addr, 1, "shoal: no member has that address; nothing changed\n")
  end)

  it("log shows what a node logs, and changes it", function()
    local a = node.start {}
    assert.equal("info\n", a:ask("log").out)
    assert.equal("info,engine=trace\n", a:ask("log", "info,engine=trace").out)
    assert.equal("info,engine=trace\n", a:ask("log").out)
    local done = a:ask("log", "loud")
    assert.equal("", done.out)
    assert.equal("shoal: unknown log level 'loud' (off, error, warn, info, debug or trace)\n", done.err)
    assert.equal(2, done.code) -- as on the command line of `shoal run`
    assert.equal("info,engine=trace\n", a:ask("log").out)
  end)

  it("reload loads the script again", function()
    local a = node.start({})
    local done = a:ask("reload")
    assert.truthy(done.out:find("^unchanged: generation 1, hash %w+\n$"), done.out .. done.err)
    process.write(a.script, "return { on_idle = function() end }\n")
    done = a:ask("reload")
    assert.truthy(done.out:find("^%a+: generation 2, hash %w+\n$"), done.out .. done.err)
  end)

  it("reload says why it did not", function()
    local a = node.start({})
    process.write(a.script, "return {\n}}\n")
    local done = a:ask("reload")
    assert.equal(1, done.code)
    assert.equal("", done.out)
    assert.truthy(done.err:find("^shoal: [^\n]*script%.lua:2: [^\n]*\n$"), done.err)
    assert.equal(1, a:info().script.generation)
  end)

  it("publish reaches all members, and the monitor tells of it", function()
    local function heard(member, text)
      wait.for_that(function() return member:log():find("heard " .. text, 1, true) end, 20, text)
    end
    local source = 'return { topics = { t = function(node, data, from, n) ' ..
      'node:log("info", "heard " .. data .. " " .. n) end } }'
    local a = node.start({ name = "a", source = source })
    local b = node.start({ name = "b", source = source, join = { a } })
    wait.for_that(function() return node.converged({ a, b }) end, 5, "cluster of two")
    a:watch()
    assert.same({ code = 0, out = "published as number 1\n", err = "" }, b:ask("publish", "t", "hello"))
    assert.same({ code = 0, out = "published as number 2\n", err = "" }, b:ask("publish", "t", "again"))
    heard(a, "hello 1")
    heard(a, "again 2")
    heard(b, "again 2")
    wait.for_that(function() return a:heard("published") end, 20, "published")
    local event = a:heard("published")
    assert.same({ "t", "hello", 1 }, { event.topic, event.data, event.number })
    assert.equal(b.addr, event.member.addr)
  end)

  it("broadcast reaches the script, which may not want it", function()
    local a, b = pair({ source = KEEP })
    assert.same({ code = 0, out = "queued\n", err = "" }, b:ask("broadcast", "hello"))
    assert.same({ code = 1, out = "",
      err = "shoal: the script did not accept it (broadcast.receive returned no key)\n" },
      b:ask("broadcast", "old"))
    local alone = node.start({})
    local done = alone:ask("broadcast", "x")
    assert.equal(1, done.code)
    assert.truthy(done.err:find("^shoal: [^\n]*\n$"), done.err)
    assert.equal("alive", a:sees(b))
  end)

  it("check says ok, or where a script would not load", function()
    local path = process.write(process.tempdir() .. "/s.lua", "return { on_start = function() end }\n")
    assert.same({ code = 0, out = "ok\n", err = "" }, process.cli("check", path))

    process.write(path, "local M = {}\nM.on_memberup = function() end\nreturn M\n")
    local done = process.cli("check", path)
    assert.equal(1, done.code)
    assert.truthy(done.err:find("^shoal: [^\n]*on_memberup[^\n]*on_member_up[^\n]*\n$"), done.err)

    process.write(path, "local M = {\n}}\n")
    done = process.cli("check", path)
    assert.equal(1, done.code)
    assert.equal("", done.out)
    assert.truthy(done.err:find("^shoal: [^\n]*s%.lua:2: [^\n]*\n$"), done.err)

    process.write(path, "return { identity = { addr = function(id) return id end } }\n")
    done = process.cli("check", path)
    assert.equal(1, done.code)
    assert.truthy(done.err:find("^shoal: [^\n]*s%.lua: identity%.new is missing[^\n]*\n$"), done.err)

    process.write(path, "return { tags = { a = ('x'):rep(5000) } }")
    assert.same({ code = 0, err = "",
      out = "ok with --set max_tags_size=5006 (its tags have that many bytes; the default is 1000)\n" },
      process.cli("check", path))
    process.write(path, "return { tags = { a = ('x'):rep(20000) } }")
    done = process.cli("check", path)
    assert.equal(1, done.code)
    assert.truthy(done.err:find("s.lua: tags: 20006 bytes, more than any max_tags_size %(16384%)\n$"), done.err)

    done = process.cli("check", path .. ".none")
    assert.truthy(done.err:find("^shoal: [^\n]*s%.lua%.none: No such file or directory\n$"), done.err)
  end)

  it("info lists the seeds", function()
    local a = node.start({ join = { "127.0.0.1:9", "localhost:9" } })
    assert.same({ "127.0.0.1:9", "localhost:9" }, a:info().seeds)
    assert.truthy(a:ask("info").out:find("\nseeds +127%.0%.0%.1:9, localhost:9\n"))
    assert.truthy(node.start({}):ask("info", "--json").out:find('"seeds":[]', 1, true))
  end)

  it("info shows the memory on disk, and that it cannot be written", function()
    local dir = process.tempdir() .. "/memory"
    local a = node.start({ args = { "--data-dir", dir, "--snapshot-every", "0.05" } })
    wait.for_that(function() return a:ask("info").out:find("\nmemory +" .. literal(dir) .. ", written %d+s ago\n") end,
      10, "first write")
    os.execute("rm -r " .. dir)
    a:ask("join", "127.0.0.1:9") -- a seed to remember
    wait.for_that(function()
      return a:ask("info").out:find("\nmemory +[^\n]+; CANNOT BE WRITTEN, %d+ times: cannot write ")
    end, 10, "failure")
  end)

  it("every client command says that a file is not a socket", function()
    local file = process.write(process.tempdir() .. "/file", "data")
    assert.same({ code = 1, out = "", err = "shoal: " .. file .. " is not a socket\n" },
      process.cli("members", "--control", file))
  end)

  it("every client command says when nobody is there", function()
    local path = process.tempdir() .. "/none.sock"
    for _, command in ipairs { "members", "info", "leave", "reload", "monitor" } do
      local done = process.cli(command, "--control", path)
      assert.equal("shoal: no node is listening on " .. path .. "\n", done.err)
      assert.equal(1, done.code)
    end
  end)
end)

describe("a node that does not answer", function()
  after_each(process.cleanup)

  local BUSY = "shoal: the node does not answer (its script may be busy)\n"

  it("is given up by every client command after --timeout", function()
    local a = node.start({})
    a:stop()
    local commands = {
      { "members" }, { "info" }, { "join", "127.0.0.1:1" }, { "reload" }, { "broadcast", "x" }, { "monitor" },
      { "leave" }, { "forget", "127.0.0.1:1" },
    }
    for _, command in ipairs(commands) do
      command[#command + 1] = "--timeout"
      command[#command + 1] = "0.1"
      local done = a:ask(unpack(command)) -- luacheck: std max
      assert.same({ code = 1, out = "", err = BUSY }, done)
    end
    a:continue()
  end)

  it("is given up when so many wait that none can connect", function()
    local a = node.start({})
    a:stop()
    for _ = 1, 20 do
      process.start { process.shoal, "info", "--control", a.control, "--timeout", "60" }
    end
    assert.same({ code = 1, out = "", err = BUSY }, a:ask("info", "--timeout", "0.2"))
    a:continue()
  end)

  it("is not what a monitor takes a quiet cluster for", function()
    local a = node.start({})
    -- It must have its first answer by then, also on a slow machine.
    local monitor = process.start { process.shoal, "monitor", "--control", a.control, "--timeout", "3" }
    wait.for_that(function()
      return a:info().control.monitors == 1
    end, 5, "monitor")
    wait.pass(4)
    assert.is_nil(monitor:ended())
  end)
end)

describe("shoal monitor", function()
  after_each(process.cleanup)

  it("prints one object a line with --json", function()
    local a = node.start({})
    a:watch()
    local b = node.start({ join = { a }, name = "b" })
    wait.for_that(function()
      return a:heard("member_up", b) and a:heard("active")
    end, 5, "member_up")
    local event = a:heard("member_up", b)
    assert.equal("b", event.member.id.name)
    assert.equal("alive", event.member.state)
    assert.is_true(math.abs(event.time - os.time()) < 60)

    b:signal("TERM")
    wait.for_that(function()
      return a:heard("member_down", b) and a:heard("idle")
    end, 5, "member_down")
    assert.equal("left", a:heard("member_down", b).member.reason)
    assert.equal(0, a:ask("forget", b.addr).code)
    wait.for_that(function()
      return a:heard("member_forgotten", b)
    end, 5, "member_forgotten")
  end)

  it("prints a line an event for people", function()
    local a = node.start({ config = "loopback" })
    local monitor = process.start { process.shoal, "monitor", "--control", a.control, "--timeout", "60" }
    wait.for_that(function()
      return a:info().control.monitors == 1
    end, 5, "monitor")
    local b = node.start({ join = { a }, name = "b" })
    monitor:wait_for("active\n", 5, "stdout")
    local first = monitor:stdout():match("^[^\n]*")
    local pattern = "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ member_up " .. b.addr:gsub("%p", "%%%0") .. " .*name=b"
    assert.truthy(first:find(pattern), first)
    b:signal("KILL")
    monitor:wait_for("idle\n", 10, "stdout")
    pattern = "Z member_down " .. b.addr:gsub("%p", "%%%0") .. " %(failed%) addr="
    assert.truthy(monitor:stdout():find(pattern), monitor:stdout())
  end)

  it("ends with 0 on INT and TERM", function()
    local a = node.start({})
    for _, signal in ipairs { "INT", "TERM" } do
      a:watch()
      a.monitor:signal(signal)
      assert.equal(0, a.monitor:wait(2))
      assert.equal("", a.monitor:stderr())
    end
  end)

  it("ends with 1 and a line when the node goes", function()
    local a = node.start({})
    a:watch()
    a:signal("TERM")
    assert.equal(1, a.monitor:wait(5))
    assert.equal("shoal: the node has closed the connection\n", a.monitor:stderr())
  end)

  it("ends with 1 and a line when the node is killed", function()
    local a = node.start({})
    a:watch()
    a:signal("KILL")
    assert.equal(1, a.monitor:wait(5))
    assert.equal("shoal: the node has closed the connection\n", a.monitor:stderr())
  end)

  it("run gives the script what is behind --", function()
    local member = node.start {
      source = "return { tags = function(opts) return { args = opts.args } end }",
      args = { "--", "zone=b", "-x", "5", "weight=10" },
    }
    assert.same({ args = { ["1"] = "-x", ["2"] = 5, zone = "b", weight = 10 } }, member:try("tags"))
  end)

  it("shows tags and what changed in them, and suspicions, if it is asked for them", function()
    local a = node.start { config = "loopback" }
    local b = node.start { config = "loopback", join = { a }, args = { "--tag", "zone=x" } }
    wait.for_that(function() return a:sees(b) end, 5, "second member")
    local function watch(...)
      return process.start { process.shoal, "monitor", "--control", a.control, ... }
    end
    local plain, more, json = watch(), watch("--suspicions", "--tags"), watch("--suspicions", "--json")
    wait.for_that(function() return a:info().control.monitors == 3 end, 5, "monitors")
    b:ask("tags", "zone=y")
    more:wait_for("zone=x %-> y\n", 10, "stdout")
    assert.truthy(more:stdout():find("[zone=y]", 1, true), more:stdout())
    b:signal "STOP"
    more:wait_for(" suspect ", 20, "stdout")
    b:signal "CONT"
    json:wait_for('"event":"suspect","member":', 20, "stdout")
    json:wait_for('"changed":{"zone":{"after":"y","before":"x"}}', 10, "stdout")
    assert.is_nil(plain:stdout():find "suspect")
    assert.is_nil(plain:stdout():find("[zone", 1, true))
  end)

  it("info wraps between words at the width that there is", function()
    local a = node.start {}
    local done = process.run { process.shoal, "info", "--control", a.control, "--timeout", "60",
      env = { COLUMNS = "60" } }
    local lines = 0
    for line in done.out:gmatch("[^\n]+") do
      lines = lines + 1
      assert.is_true(#line <= 60 or not line:sub(14):find(" "), line)
    end
    assert.is_true(lines > 10)
    assert.equal(done.out:gsub("%s+", " "):match("handlers.-slowest"), a:ask("info").out:gsub("%s+", " ")
      :match("handlers.-slowest"))
  end)
end)
