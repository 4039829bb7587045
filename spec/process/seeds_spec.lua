local hosts = require "spec.support.hosts"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local function converge(members, seconds)
  wait.for_that(function()
    return node.converged(members)
  end, seconds or 5, "converged cluster")
end

describe("seeds", function()
  after_each(hosts.cleanup)

  it("that come up after those who need them", function()
    local seed = node.start({ bind = node.own_address() })
    local addr = seed.addr
    seed:signal("KILL")
    seed:wait(2)

    local early = node.start({ join = { addr } })
    assert.same({}, early:members())
    seed = node.start({ bind = addr })

    converge({ seed, early }, 10)
  end)

  it("of which none answers, which the log says once", function()
    local seed = node.start({ bind = node.own_address() })
    local addr = seed.addr
    seed:signal("KILL")
    seed:wait(2)

    local lonely = node.start({ join = { addr, "localhost:9" }, args = { "--log-level", "info,host=debug" } })
    lonely.process:wait_for("debug host +no seed has answered yet", 10)
    local _, warnings = lonely:log():gsub("warn +host +no seed has answered yet", "")
    assert.equal(1, warnings)
    assert.truthy(lonely:log():find(('seeds="%s, localhost:9"'):format(addr), 1, true), lonely:log())
  end)

  it("of which one is the node itself, which it does not wait for", function()
    local before = node.start({ bind = node.own_address() })
    before:signal("KILL")
    before:wait(2)
    local first = node.start({
      bind = before.addr, join = { before.addr, "127.0.0.1:9" }, args = { "--log-level", "debug" },
    })
    first.process:wait_for("no seed has answered yet", 10)
    assert.truthy(first:log():find("no seed has answered yet seeds=127.0.0.1:9\n", 1, true), first:log())
    assert.is_nil(first:log():find("announced to a seed seed=" .. before.addr, 1, true))
  end)

  it("that all go down and come back", function()
    local seeds = node.start_cluster(2, { config = "loopback", bind = node.own_address() })
    local member = node.start({ config = "loopback", join = seeds, bind = node.own_address() })
    converge({ seeds[1], seeds[2], member })
    member:watch()

    for _, seed in ipairs(seeds) do
      seed:signal("KILL")
      seed:wait(2)
    end
    wait.for_that(function()
      return member:heard("idle")
    end, 10, "word that it is alone")
    member.process:wait_for("warn +host +no seed answers any more seeds=", 20)
    local first = node.start({ bind = seeds[1].addr })
    local second = node.start({ bind = seeds[2].addr, join = { first } })

    converge({ first, second, member }, 15)
  end)

  it("that are given as names", function()
    local seed = node.start({})
    local port = seed.addr:match(":(%d+)$")
    local member = node.start({ join = { "localhost:" .. port } })
    converge({ seed, member })
  end)

  it("of which one cannot be resolved", function()
    local seed = node.start({})
    local member = node.start({ join = { "no-such-host.invalid:1", seed } })
    converge({ seed, member })
    wait.for_that(function()
      return member:log():find("no%-such%-host%.invalid")
    end, 10, "word of the bad seed")
  end)

  it("none of which can be resolved yet: it warns, and goes on", function()
    local member = node.start({ join = { "no-such-host.invalid:7946" } })
    member.process:wait_for("warn +host +cannot join seed=no%-such%-host%.invalid:7946 error=", 10)
    assert.equal("idle", member:info().connection)
    assert.same({ "no-such-host.invalid:7946" }, member:info().seeds)
    -- through another one it joins all the same
    local other = node.start({})
    assert.equal(0, member:ask("join", other.addr).code)
    converge({ member, other })
  end)

  it("that are one name for all members, unknown when they start, with themselves among its addresses", function()
    local net = hosts.new(3, pending)
    local members, tables = {}, {}
    for i = 1, 3 do
      tables[i] = process.write(process.tempdir() .. "/hosts", "127.0.0.1 localhost\n")
      local within = net:within(i)
      for _, word in ipairs { "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', tables[i] } do
        within[#within + 1] = word
      end
      members[i] = node.start({ within = within, bind = "0.0.0.0:7946", join = { "members.test:7946" },
        args = { "--advertise", net:address(i) } })
    end
    for _, member in ipairs(members) do
      member.process:wait_for("cannot join seed=members%.test:7946", 10)
    end
    for i = 1, 3 do
      local lines = { "127.0.0.1 localhost" }
      for k = 0, 2 do -- its own address first
        lines[#lines + 1] = net:address((i + k - 1) % 3 + 1) .. " members.test"
      end
      process.write(tables[i], table.concat(lines, "\n") .. "\n")
    end
    converge(members, 30)
    for _, member in ipairs(members) do
      assert.equal(0, member:info().drops.from_ourselves)
    end
  end)

  it("of another cluster", function()
    local blue = node.start({ args = { "--cluster", "blue" } })
    local red = node.start({ args = { "--cluster", "red" }, join = { blue } })
    local plain = node.start({ join = { blue } })
    local friend = node.start({ args = { "--cluster", "blue" }, join = { blue } })
    converge({ blue, friend })
    wait.for_that(function()
      return blue:info().host.foreign_cluster >= 2
    end, 5, "foreign packets")
    assert.same({}, red:members(true))
    assert.same({}, plain:members(true))
  end)
end)
