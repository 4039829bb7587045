--- What `make bench-peers` measures with: members are started, spoken to and
-- understood. (How the others fare only shows where they are installed.)

local process = require "spec.support.process"

describe("a cluster of the comparison", function()
  if not pcall(require, "ffi") then
    pending "the benchmarks are for LuaJIT"
    return
  end

  local clusters = require "bench.peers.cluster"
  local programs = require "bench.peers.programs"
  local systems = require "bench.peers.systems"

  after_each(function()
    programs.kill_all()
    process.cleanup()
  end)

  local function shoal()
    return systems.all(process.build, process.tempdir())[1]
  end

  local function system_of(name)
    for _, system in ipairs(systems.all(process.build, "/tmp")) do
      if system.name == name then
        return system
      end
    end
  end

  it("comes together, and hears who got a broadcast and when", function()
    local cluster = clusters.start(shoal(), 3)
    assert.is_true(cluster.joined.s > 0)
    local start = programs.now()
    cluster:tell(cluster.members[2], "x")
    programs.await(30, "broadcast", function()
      return cluster:all(function(member) return member.got.x end)
    end)
    local last, first = cluster:latest(function(member) return member.got.x end)
    assert.is_true(start <= first and first <= last and last <= programs.now())
    assert.equal(0, cluster:num_wrong())
  end)

  it("knows what its processes use", function()
    local member = clusters.start_member(shoal())
    clusters.await_listening(member)
    local seconds, wakeups = member.program:used()
    local resident, proportional = member.program:memory()
    assert.is_true(seconds > 0 and wakeups >= 0)
    assert.is_true(resident >= proportional and proportional > 0)
  end)

  it("leaves no process behind", function()
    local member = clusters.start_member(shoal())
    clusters.await_listening(member)
    programs.kill_all()
    assert.is_nil((require "posix.signal".kill(member.program.pid, 0)))
  end)

  it("says what a member that cannot start said", function()
    local system = shoal()
    function system.member() return { process.shoal, "run", "/nowhere.lua" } end
    assert.error_matches(function() clusters.start(system, 2) end, "cannot read /nowhere.lua")
  end)

  it("understands serf's log", function()
    local hear = system_of("serf").hear
    assert.same({ "up", "a:1" }, { hear "2026/11/23 [INFO] serf: EventMemberJoin: a:1 127.0.0.1" })
    assert.same({ "down", "a:1" }, { hear "2026/11/23 [INFO] serf: EventMemberFailed: a:1 127.0.0.1" })
    assert.same({ "got", "x" }, { hear "2026/11/23 [INFO] agent: Received event: user-event: x" })
    assert.is_nil((select(2, hear "2026/11/23 [INFO] agent: Serf agent starting")))
  end)
end)

describe("the table of the comparison", function()
  local tables = require "bench.peers.tables"

  after_each(process.cleanup)

  it("keeps the columns of those that were not measured", function()
    local path = process.write(process.tempdir() .. "/c.md", "before\n<!-- table -->\n<!-- end -->\nafter\n")
    tables.write(path, { serf = tables.column("serf", "1", { start_ms = 7 }),
      ["tarantool swim"] = tables.column("tarantool swim", "2.6", {}) })
    tables.write(path, { shoal = tables.column("shoal", "0.1", { start_ms = 6 }),
      serf = tables.column("serf", "2", { start_ms = 8 }) })
    local text = process.read(path)
    assert.matches("^before\n<!%-%- table %-%->\n| | shoal 0.1 | serf 2 | tarantool swim 2.6 |\n", text)
    assert.matches("\n| from start to listening, ms | 6 | 8 | %- |\n", text)
    assert.matches("\n<!%-%- end %-%->\nafter\n$", text)
  end)
end)
