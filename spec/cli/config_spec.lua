local config = require "shoal.cli.config"
local process = require "spec.support.process"

local function file(source)
  return process.write(process.tempdir() .. "/config.lua", source)
end

local function settings(...)
  local list = {}
  for i, word in ipairs { ... } do
    local key, value = word:match("^(.-)=(.*)$")
    list[i] = { key = key, value = value }
  end
  return list
end

describe("the config of a command line", function()
  after_each(process.cleanup)

  it("is lan when nothing is said", function()
    assert.same({ preset = "lan" }, config.from({}))
  end)

  it("takes every preset by its name", function()
    for _, preset in ipairs { "lan", "wan", "simple", "loopback" } do
      assert.same({ preset = preset, cluster_size = 50 }, config.from({ config = preset, cluster_size = 50 }))
    end
  end)

  it("comes from a file that returns a table", function()
    local path = file [[return { preset = "wan", probe_period = 2 * 3, gossip = { every = 0.5, members = 3 } }]]
    local expected = { preset = "wan", probe_period = 6, gossip = { every = 0.5, members = 3 } }
    assert.same(expected, config.from({ config = path }))
  end)

  it("lets single settings win over the file", function()
    local path = file [[return { probe_period = 6, announce = { every = 20, members = 2 } }]]
    local from = config.from({
      config = path,
      set = settings("probe_period=0.5", "probe_rtt=1e-1", "announce.every=30", "gossip=false",
        "notify_down_members=true"),
    })
    assert.same({
      probe_period = 0.5, probe_rtt = 0.1, announce = { every = 30, members = 2 }, gossip = false,
      notify_down_members = true,
    }, from)
  end)

  it("names a mistyped preset", function()
    local from, message = config.from({ config = "lann" })
    assert.is_nil(from)
    assert.equal("'lann' is neither a preset (lan, wan, simple, loopback) nor a file", message)
  end)

  it("names the file that cannot be read, and the line that is wrong", function()
    local cases = {
      { "/nowhere/at/all.lua", "^/nowhere/at/all%.lua: No such file or directory$" },
      { process.tempdir(), ": Is a directory$" },
      { file "return {\n  probe_period = = 1\n}", "config%.lua:2: unexpected symbol near '='$" },
      { file "\n\nreturn os.getenv('HOME')", "config%.lua:3: attempt to index global 'os' %(a nil value%)$" },
      { file "return 5", "config%.lua: must return a table, not a number$" },
      { file "", "config%.lua: must return a table, not a nil$" },
      { file(string.dump(function() return {} end)), "config%.lua: is bytecode, not Lua text$" },
    }
    for _, case in ipairs(cases) do
      local from, message = config.from({ config = case[1] })
      assert.is_nil(from)
      assert.truthy(message:find(case[2]), message)
    end
  end)

  it("names the field that is wrong", function()
    local cases = {
      { "probe_perod=1", "--set: unknown config field 'probe_perod' (did you mean 'probe_period'?)" },
      { "probe_period=-1", "config.probe_period must be a number of seconds, 0 or more, got -1" },
      { "probe_period=fast", "option 'probe_period' must be a number, got 'fast'" },
      { "probe_rtt=100", "config.probe_rtt must be shorter than probe_period" },
      { "num_indirect_probes=1000", "config.num_indirect_probes must be 1 to 255" },
      { "announce.evry=30", "option 'announce': unknown option 'evry' (did you mean 'every'?)" },
      { "gossip.every=x", "option 'gossip.every' must be a number, got 'x'" },
      { "gossip.members=0", "config.gossip.members must be 1 to 255" },
      { "gossip=3", "option 'gossip' must be a table or false, got 3" },
      { "max_packet_size=1", "config.max_packet_size must be 256 to 65507 bytes" },
      { "preset=fast", "unknown preset 'fast'" },
    }
    for _, case in ipairs(cases) do
      local from, message = config.from({ set = settings(case[1]) })
      assert.is_nil(from, case[1])
      assert.equal(case[2], message)
    end
  end)

  it("names the file with the field that is wrong", function()
    local path = file "return { probe_period = 0 }"
    local from, message = config.from({ config = path })
    assert.is_nil(from)
    assert.equal(path .. ": ", message:sub(1, #path + 2))
    assert.truthy(message:find("config.probe_period", 1, true), message)
  end)
end)
