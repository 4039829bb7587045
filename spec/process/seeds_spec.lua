local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local function converge(members, seconds)
  wait.for_that(function()
    return node.converged(members)
  end, seconds or 5, "converged cluster")
end

describe("seeds", function()
  after_each(process.cleanup)

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

  it("that are nobody but the node itself", function()
    local before = node.start({ bind = node.own_address() })
    before:signal("KILL")
    before:wait(2)
    local first = node.start({ bind = before.addr, join = { before.addr }, args = { "--log-level", "debug" } })
    first.process:wait_for("announced to a seed.*announced to a seed", 10)
    assert.is_nil(first:log():find("no seed has answered"))
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
