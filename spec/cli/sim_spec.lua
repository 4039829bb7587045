--- `shoal sim`: a cluster of a script in a simulation, and a report.

local dkjson = require "dkjson"
local process = require "spec.support.process"
local files = require "spec.support.files"
local unistd = require "posix.unistd"
local unpack = table.unpack or unpack -- luacheck: std max

local function simulate(script, ...)
  return process.cli("sim", script, "--config", "loopback", ...)
end

local function report_of(script, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = "--json"
  local done = simulate(script, unpack(arguments))
  assert.equal("", done.err)
  assert.equal(0, done.code)
  return assert(dkjson.decode(done.out))
end

local function literal(s)
  return (s:gsub("%p", "%%%0"))
end

local function script(text)
  return process.write(process.tempdir() .. "/service.lua", text)
end

describe("shoal sim", function()
  after_each(process.cleanup)

  it("reports when all agreed, what it cost, and how what was published spread", function()
    local report = report_of("examples/kv.lua", "--nodes", "20", "--for", "20")
    assert.equal(20, report.members)
    assert.equal(20, report.seconds)
    assert.equal(1, report.seed)
    assert.is_true(report.converged_after > 0 and report.converged_after < 5)
    assert.same({ agree = true, members = 20, fewest = 20, median = 20, most = 20 }, report.at_the_end)
    assert.same({ downs = 0, renewals = 0, returns = 0, while_unreachable = 0 }, report.false_positives)
    assert.same({ errors = 0, messages = {} }, report.handlers)
    assert.is_true(report.traffic.packets > 1 and report.traffic.bytes > 20 * report.traffic.packets)
    assert.is_true(report.traffic.after_convergence.packets < report.traffic.packets)
    local spread = report.published
    assert.equal("sim", spread.topic)
    assert.equal("hello from shoal sim", spread.data)
    assert.equal(report.converged_after, spread.at)
    assert.equal(20, spread.reached)
    assert.is_true(0 < spread.p50 and spread.p50 <= spread.p99 and spread.p99 <= spread.p100 and spread.p100 < 5)
    assert.is_true(spread.copies >= 1 and spread.copies < 6, spread.copies)
    assert.is_nil(report.broadcast)
    assert.is_nil(report.detection)
    assert.is_nil(report.partition)
    assert.matches("^%x+$", report.trace)
  end)

  it("tells who has tags, and whether the others know them", function()
    local path = script "return { tags = function(opts) return { at = opts.advertise } end }"
    local report = report_of(path, "--nodes", "10", "--for", "10", "--tag", "zone=b", "--tag", "weight=10")
    assert.same({ owners = 10, known = 90, pairs = 90 }, report.tags)
    local done = simulate(path, "--nodes", "10", "--for", "10")
    assert.matches("\ntags +10 members have some; all others know their last ones\n", done.out)
    assert.is_nil(report_of("examples/hello.lua", "--nodes", "5", "--for", "5").tags)
  end)

  it("kills members, and tells when the others found out", function()
    local report = report_of("examples/hello.lua", "--nodes", "20", "--for", "60", "--kill", "2")
    local found = report.detection
    assert.equal(2, found.killed)
    assert.equal(20, found.at)
    assert.equal(36, found.expected)
    assert.equal(36, found.noticed)
    assert.is_true(0 < found.first and found.first <= found.median and found.median <= found.last and found.last < 15)
    assert.equal(18, report.at_the_end.members)
    assert.is_true(report.at_the_end.agree)
  end)

  it("cuts the members in two, and tells when they were one again", function()
    local report = report_of("examples/hello.lua", "--nodes", "10", "--for", "120", "--partition", "20")
    assert.equal(60, report.partition.from)
    assert.equal(80, report.partition.to)
    assert.same({ 5, 5 }, report.partition.sides)
    assert.is_true(report.partition.healed_after > 0)
    assert.is_true(report.false_positives.while_unreachable >= 50)
    assert.is_true(report.at_the_end.agree)
  end)

  it("publishes what it is given, and by default what no handler of the script takes", function()
    local path = script [[
      local M = { topics = { a = error } }
      function M.topics.c(node) for i = 1, 3 do node:publish("c", "more") end end
      return M
    ]]
    local function published(...)
      return report_of(path, "--nodes", "5", "--for", "10", ...).published
    end
    local given = published("--publish", "d=e=f")
    assert.same({ "d", "e=f", 5 }, { given.topic, given.data, given.reached })
    assert.same({ "sim", 5 }, { published().topic, published().reached })
    assert.equal(5, published("--publish", "c=1").reached)
    assert.equal(5, published("--publish", "d=" .. ("x"):rep(5000)).reached)
    assert.equal(5, published("--publish", "a=1", "--allow-errors").reached)
    local done = simulate(path, "--nodes", "5", "--for", "5", "--publish", "d=" .. ("x"):rep(70000))
    assert.matches("\npublished +none: [^\n]*65536 bytes[^\n]*\n", done.out)
    local hears_all = script "return { on_published = function() end }"
    assert.equal(5, report_of(hears_all, "--nodes", "5", "--for", "5").published.reached)
  end)

  it("counts the packets that carry it, however short it is", function()
    local path = script [[
      return { topics = { d = function() end }, broadcast = { receive = function(_, data) return data end } }
    ]]
    local function copies(kind, data)
      return report_of(path, "--nodes", "10", "--for", "60", "--" .. kind, data)[
        kind == "publish" and "published" or "broadcast"].copies
    end
    local one = copies("publish", "d=a message that is in no other packet")
    assert.is_true(one >= 1 and one < 6, one)
    for _, data in ipairs { "d=x", "d=q", "d=d" } do
      assert.is_true(math.abs(copies("publish", data) - one) < 2, data)
    end
    local other = copies("broadcast", "a broadcast that is in no other packet")
    for _, data in ipairs { "x", "q" } do
      assert.is_true(math.abs(copies("broadcast", data) - other) < 2, data)
    end
  end)

  it("counts a message that arrives again and again once", function()
    local loss = report_of("examples/kv.lua", "--nodes", "20", "--for", "60", "--loss", "0.3", "--duplicate", "0.5")
    assert.equal(20, loss.published.reached)
    assert.equal(20, #loss.published.delays)
    assert.is_true(loss.published.copies > 3)
  end)

  it("says how a broadcast spread, if the script has no topics, or it is to", function()
    for _, path in ipairs { "examples/register.lua", script [[
      local M = dofile "examples/register.lua"
      M.topics = { t = error }
      return M
    ]] } do
      local spread = report_of(path, "--nodes", "20", "--for", "20", "--broadcast", "7 closed").broadcast
      assert.equal("7 closed", spread.data)
      assert.equal(20, spread.reached)
      assert.is_true(0 < spread.p50 and spread.p50 <= spread.p99 and spread.p99 <= spread.p100 and spread.p100 < 5)
      assert.is_true(spread.copies > 6 and spread.copies < 20, spread.copies)
    end
    local done = simulate("examples/register.lua", "--nodes", "10", "--for", "20")
    assert.matches("\nbroadcast +'1 shoal sim' reached 10 of 10: 50 %% after %d+ ms, 99 %% after %d+ ms, "
      .. "all after %d+ ms; [%d.]+ copies each\n", done.out)
  end)

  it("says why there was no broadcast, and when there is nothing to spread", function()
    local function refused(path, data)
      return report_of(path, "--nodes", "3", "--for", "2", "--broadcast", data).broadcast.refused
    end
    assert.equal("the script does not handle broadcasts", refused("examples/kv.lua", "1 a b"))
    assert.equal("the script did not accept it", refused("examples/register.lua", "junk"))
    local report = report_of("examples/hello.lua", "--nodes", "3", "--for", "2")
    assert.is_nil(report.broadcast or report.published)
    assert.matches("\nbroadcast +none: the script has no topics, and does not handle broadcasts\n",
      simulate("examples/hello.lua", "--nodes", "3", "--for", "2").out)
  end)

  it("says that the members have one address, and so are one member to each other", function()
    local done = simulate("examples/identity_golf.lua", "--nodes", "5", "--for", "5")
    assert.same({ 1, "shoal: the members do not agree at the end (--allow-errors to accept that)\n" },
      { done.code, done.err })
    assert.matches("\nnote +the 5 members have 1 address: the identity of this script does not tell apart members "
      .. "whose hosts differ and whose ports do not\n", done.out)
    assert.is_nil(simulate("examples/kv.lua", "--nodes", "5", "--for", "5").out:find("\nnote", 1, true))
  end)

  it("says that packets went where nobody is", function()
    local path = script [[return { identity = {
      new = function(opts) return opts.bind end,
      addr = function(id) return id end,
      endpoint = function() return "10.9.9.9:1" end,
      at = function(endpoint) return endpoint end,
    } }]]
    assert.matches("\nnote +%d+ packets went where no member is: the endpoints of this script are not those of the "
      .. "simulated network\n", simulate(path, "--nodes", "5", "--for", "5").out)
  end)

  it("says who may have kept a broadcast from the others", function()
    local done = simulate("examples/roles.lua", "--nodes", "5", "--for", "5")
    assert.matches("\nbroadcast +[^\n]*reached 1 of 5: [^\n]*; broadcast.wanted_by may have refused the others\n",
      done.out)
  end)

  it("counts handlers that fail and shows what they said", function()
    local path = script 'return { on_member_up = function() error("a\\27bad day") end }'
    local report = report_of(path, "--nodes", "3", "--for", "3", "--allow-errors")
    assert.equal(6, report.handlers.errors)
    assert.equal(1, #report.handlers.messages)
    assert.matches("on_member_up: service.lua:1: a\27bad day", (report.handlers.messages[1]:gsub(": [^ ]*/", ": ")))
    local done = simulate(path, "--nodes", "3", "--for", "3")
    assert.matches("handlers +6 errors: on_member_up: .*a\\x1bbad day", done.out)
  end)

  it("prints lines for people, and nothing on stderr unless that is a terminal", function()
    local done = simulate("examples/kv.lua", "--nodes", "10", "--for", "60", "--kill", "1", "--partition", "10",
      "--seed", "3")
    assert.equal("", done.err)
    assert.equal(0, done.code)
    for _, line in ipairs {
      "^cluster +10 members of examples/kv.lua, 60 s, seed 3\n",
      "\nagreed +after [%d.]+ m?s\n",
      "\nat the end +all 9 agree\n",
      "\nkilled +1 at 20.00 s: first detected after [%d.]+ s, median [%d.]+ s, last [%d.]+ s\n",
      "\npartition +[45] | [45] from 30.00 s to 40.00 s, one cluster again [%d.]+ m?s later\n",
      "\nfalse alarms +0 reports of healthy members %(%d+ more of unreachable ones%), "
        .. "%d+ renewals, %d+ returns\n",
      "\ntraffic +[%d.]+ packets and %d+ bytes per member and second; since they agreed, [%d.]+ and %d+\n",
      "\nhandlers +no errors\n",
      "\npublished +'hello from shoal sim' on 'sim' reached 10 of 10: 50 %% after %d+ ms, 99 %% after %d+ ms, "
        .. "all after %d+ ms; [%d.]+ copies each\n",
      "\ntrace +%x+\n$",
    } do
      assert.matches(line, done.out)
    end
  end)

  it("takes the config and the network that it is given", function()
    local calm = report_of("examples/hello.lua", "--nodes", "5", "--for", "20")
    local busy = report_of("examples/hello.lua", "--nodes", "5", "--for", "20", "--set", "probe_period=0.05",
      "--set", "probe_rtt=0.02")
    assert.is_true(busy.traffic.packets > 3 * calm.traffic.packets)
    local lossy = report_of("examples/hello.lua", "--nodes", "10", "--for", "60", "--loss", "0.3")
    assert.near(0.3, lossy.traffic.lost, 0.05)
    local far = report_of("examples/hello.lua", "--nodes", "5", "--for", "20", "--latency", "0.1-0.2")
    assert.is_true(far.converged_after > 0.2)
  end)

  it("draws a plot", function()
    local path = process.tempdir() .. "/plot.svg"
    report_of("examples/kv.lua", "--nodes", "10", "--for", "60", "--kill", "1", "--partition", "5", "--plot", path)
    local svg = process.read(path)
    assert.matches("^<svg xmlns=.*</svg>\n$", svg)
    for _, mark in ipairs { "published", "1 killed", "cut in two", "healed" } do
      assert.matches(">" .. mark .. "</text>", svg)
    end
    assert.matches(">Members that received the message, in %%, by time since it was sent</text>", svg)
    assert.is_nil(svg:find("nan", 1, true) or svg:find("inf", 1, true))
    report_of("examples/register.lua", "--nodes", "5", "--for", "20", "--plot", path)
    assert.matches(">broadcast</text>.*>Members that received the broadcast, in %%", process.read(path))
    report_of("examples/hello.lua", "--nodes", "2", "--for", "3", "--plot", path)
    assert.matches("none: the script has no topics, and does not handle broadcasts", process.read(path))
    report_of("examples/hello.lua", "--nodes", "2", "--for", "3", "--broadcast", "x", "--plot", path)
    assert.matches("none: the script does not handle broadcasts", process.read(path))
  end)

  -- An hour of a thousand members would take longer than this spec has.
  it("finds out before the run that the plot cannot be written", function()
    local folder = process.tempdir()
    for _, path in ipairs { folder .. "/missing/plot.svg", folder } do
      local done = process.cli("sim", "examples/kv.lua", "--nodes", "1000", "--for", "3600", "--plot", path)
      assert.equal(1, done.code)
      assert.matches("^shoal: cannot write the plot: [^\n]*" .. literal(path) .. "[^\n]*\n$", done.err)
      assert.equal("", done.out)
    end
  end)

  it("prints the report though the plot cannot be written, and leaves none of it", function()
    local folder = process.tempdir()
    local path = process.write(folder .. "/plot.svg", "what was there")
    -- the limit is 1 block of 512 bytes for a file; a report into a pipe is none
    local command = ("(ulimit -f 1; trap '' XFSZ; '%s' sim examples/hello.lua --nodes 3 --for 2 --plot '%s') | cat")
      :format(process.shoal, path)
    local done = process.run { "sh", "-c", command }
    assert.matches("^shoal: cannot write the plot: [^\n]*\n$", done.err)
    assert.matches("^cluster +3 members.*\ntrace +%x+\n$", done.out)
    assert.equal("what was there", process.read(path))
    assert.same({ "plot.svg" }, files.output("ls -A " .. folder))
  end)

  it("writes a plot into what is no file as it is", function()
    local folder = process.tempdir()
    local link = folder .. "/plot.svg"
    assert(unistd.link("/dev/null", link, true))
    local done = simulate("examples/hello.lua", "--nodes", "3", "--for", "2", "--plot", link)
    assert.equal("", done.err)
    assert.equal(0, done.code)
    assert.equal("/dev/null", unistd.readlink(link))
    assert.same({ "plot.svg" }, files.output("ls -A " .. folder))
  end)

  it("says in one line what is wrong", function()
    local broken = script "return { on_memberup = 1 }"
    local plot = process.tempdir() .. "/missing/plot.svg"
    local cases = {
      { { "nowhere.lua" }, 1, "nowhere.lua" },
      { { broken }, 1, "unknown field 'on_memberup'" },
      { { "examples/hello.lua", "--set", "probe_period=no" }, 2, "probe_period" },
      { { "examples/hello.lua", "--nodes", "3", "--kill", "3" }, 2, "%-%-kill 3: at least one of the 3 " },
      { { "examples/hello.lua", "--for", "10", "--partition", "6" }, 2, "begins at 5 s, so it can last 5 s at most" },
      { { "examples/hello.lua", "--nodes", "2", "--for", "1", "--plot", plot }, 1, "cannot write the plot: .*missing" },
    }
    for _, case in ipairs(cases) do
      local done = process.cli("sim", unpack(case[1]))
      assert.equal(case[2], done.code)
      assert.matches("^shoal: [^\n]*" .. case[3] .. "[^\n]*\n$", done.err)
      assert.equal("", done.out)
    end
  end)

  it("shows its progress on a terminal", function()
    local command = process.shoal .. " sim examples/hello.lua --nodes 3 --for 5"
    local done = process.run { "script", "-qec", command, "/dev/null" }
    assert.equal(0, done.code)
    assert.matches("5.0 s of 5 s, 3 members, the median member knows 3", done.out)
    assert.matches("\27%[Kcluster +3 members", done.out)
  end)

  it("gives all members the arguments behind --", function()
    local path = script [[
      local M = {}
      function M.tags(opts) return { args = opts.args } end
      return M
    ]]
    local done = simulate(path, "--nodes", "2", "--for", "5", "--", "zone=b", "first", "2")
    assert.same({ 0, "" }, { done.code, done.err })
    assert.truthy(done.out:find("2 members have some; all others know their last ones", 1, true), done.out)
    local wrong = process.cli("sim", path, "zone=b")
    assert.same({ 2, "shoal: too many arguments: what is for the script goes behind '--': 'zone=b'; "
      .. "see 'shoal sim --help'\n" }, { wrong.code, wrong.err })
  end)

  it("mixes members that run different scripts", function()
    local folder = process.tempdir()
    local one = process.write(folder .. "/one.lua", "return { tags = { role = 'one' } }")
    local two = process.write(folder .. "/two.lua", "return { tags = { role = 'two' } }")
    local report = report_of(one, "--nodes", "3", "--role", two .. ":2", "--for", "10")
    assert.equal(5, report.members)
    assert.same({ { script = one, members = 3 }, { script = two, members = 2 } }, report.roles)
    assert.equal(5, report.at_the_end.members)
    assert.equal(5, report.tags.owners)
    local done = simulate(one, "--nodes", "3", "--role", two .. ":2", "--for", "5")
    assert.truthy(done.out:find(("5 members, 3 of %s, 2 of %s, 5 s"):format(one, two), 1, true), done.out)
    local missing = simulate(one, "--role", folder .. "/none.lua:1")
    assert.equal(1, missing.code)
    assert.truthy(missing.err:find("none.lua", 1, true), missing.err)
    assert.equal(2, simulate(one, "--role", two).code)
  end)

  it("exits with 1 after errors of handlers, or if members do not agree, unless that is allowed", function()
    local failing = script "return { on_active = function() error 'no' end }"
    local done = simulate(failing, "--nodes", "2", "--for", "5")
    assert.same({ 1, "shoal: 2 handler errors (--allow-errors to accept them)\n" }, { done.code, done.err })
    assert.truthy(done.out:find("2 errors", 1, true), done.out)
    assert.equal(0, simulate(failing, "--nodes", "2", "--for", "5", "--allow-errors").code)
    done = simulate("examples/hello.lua", "--nodes", "4", "--for", "20", "--partition", "10")
    assert.same({ 1, "shoal: the members do not agree at the end (--allow-errors to accept that)\n" },
      { done.code, done.err })
    assert.equal(0, simulate("examples/hello.lua", "--nodes", "4", "--for", "20", "--partition", "10",
      "--allow-errors").code)
  end)
end)
