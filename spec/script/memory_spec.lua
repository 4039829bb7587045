--- A node's memory on disk: what one life leaves to the next. spec/process/memory_spec.lua has
--- power cuts; spec/c/disk_test.c the file.

local core = require "shoal.core"
local stages = require "spec.script.stage"

describe("a node's memory", function()
  local stage, dir

  before_each(function()
    stage = stages.new()
    dir = stage:path "memory"
  end)
  after_each(function() stage:close() end)

  local function start(options)
    options = options or {}
    options.data_dir = options.data_dir or dir
    options.snapshot_every = options.snapshot_every or 0.02
    return stage:start(options)
  end

  local function written(node)
    local before = node:info().memory.written
    stage:wait(function() return node:info().memory.written > before end, "a snapshot")
  end

  local function read_file(path)
    local file = assert(io.open(path, "rb"))
    local bytes = file:read "*a"
    file:close()
    return bytes
  end

  it("is in a folder of the node's own, and info() tells of it", function()
    local node = start()
    assert.equal(dir, node:info().memory.path)
    written(node)
    assert.is_true(node:info().memory.written_at > 1.7e9)
    local other, message, code = stage:try_start { data_dir = dir }
    assert.is_nil(other)
    assert.equal("data_dir", code)
    assert.matches("another member uses the folder", message)
    assert.is_nil(stage:start():info().memory)
  end)

  it("is written when something has changed, and at the end", function()
    local node = start { snapshot_every = 1000, handlers = { persist = true } }
    node.store.at = "the end"
    node:close()
    local bytes = read_file(dir .. "/memory")
    assert.equal("SHOALMEM", bytes:sub(1, 8))
    assert.is_truthy(bytes:find("the end", 1, true))
    node = start()
    written(node)
    local count = node:info().memory.written
    stage:idle(0.2)
    assert.equal(count, node:info().memory.written)
  end)

  it("brings back members without a seed, which it asks", function()
    local a = start { data_dir = stage:path "a" }
    local addr = a:bound()
    local b = start { data_dir = stage:path "b", join = { addr }, tags = { zone = "west" } }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair")
    written(a)
    a:close()
    b:close()
    a = start { data_dir = stage:path "a", bind = addr }
    stage:idle(0.3)
    assert.equal(0, a:num_members())
    local gone = a:gone()
    assert.equal(1, #gone)
    assert.same({ "remembered", { zone = "west" }, true }, {
      gone[1].state, gone[1].tags, math.abs(gone[1].last_seen - a:time()) < 60 })
    b = start { data_dir = stage:path "b", bind = gone[1].addr }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair again")
    assert.same({}, a:gone())
    assert.same({}, a:info().seeds)
    assert.equal(0, a:info().memory.remembered)
  end)

  it("keeps those that have not come back, through another life; one can be forgotten", function()
    local a = start { data_dir = stage:path "a" }
    local addr = a:bound()
    local b = start { data_dir = stage:path "b", join = { addr } }
    stage:wait(function() return a:num_members() == 1 end, "a pair")
    local other = b:bound()
    written(a)
    a:close()
    b:close()
    for _ = 1, 2 do
      a = start { data_dir = stage:path "a", bind = addr }
      assert.equal(other, a:gone()[1].addr)
      a:close()
    end
    a = start { data_dir = stage:path "a", bind = addr }
    assert.is_true(a:forget(other))
    assert.same({}, a:gone())
    local ok, _, code = a:forget(other)
    assert.is_nil(ok)
    assert.equal("not_found", code)
    a:close()
    a = start { data_dir = stage:path "a", bind = addr }
    assert.same({}, a:gone())
  end)

  it("does not ask those that have left", function()
    local a = start { data_dir = stage:path "a" }
    local b = start { data_dir = stage:path "b", join = { a:bound() } }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair")
    b:leave()
    stage:wait(function() return a:num_members() == 0 end, "the leave")
    assert.equal("left", a:gone()[1].reason)
    a:close()
    a = start { data_dir = stage:path "a" }
    assert.same({}, a:gone())
  end)

  it("lets the next identity win, though the clock was set back", function()
    local bump = 1000
    local handlers = { identity = {
      new = function(options) return { addr = options.advertise, bump = bump } end,
    } }
    local node = start { handlers = handlers }
    local addr = node:bound()
    node:close()
    bump = 7
    node = start { handlers = handlers, bind = addr }
    assert.equal(1001, node:identity().bump)
    node:close()
    local year = 2000 * 365.25 * 86400 * 1000 -- of a clock that was far ahead
    bump = year
    node = start { handlers = handlers, bind = addr }
    node:close()
    node = start { bind = addr }
    assert.equal(year + 1, node:identity().bump)
  end)

  -- A member whose identity is the same in each life, and one that follows its topics.
  local function lasting_pair(options)
    local heard, missed = {}, {}
    local b = stage:start { handlers = {
      on_published = function(_, topic, data, _, number) heard[#heard + 1] = { topic, data, number } end,
      on_missed = function(_, topic, _, first, last) missed[#missed + 1] = { topic, first, last } end,
    } }
    options.handlers = { identity = {
      new = function(given) return { addr = given.advertise, bump = 1 } end,
    } }
    options.join = { b:bound() }
    local a = start(options)
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair")
    return options.handlers, a, b, heard, missed
  end

  it("goes on above its tags and topics, with an identity that stays as it is", function()
    local handlers, a, b, heard, missed = lasting_pair { tags = { n = 1 } }
    local addr = a:bound()
    for i = 1, 3 do a:publish("jobs", i) end
    written(a)
    stage:wait(function() return #heard == 3 end, "what is published")
    a:set_tags { n = 2 }
    stage:wait(function() return (b:member(addr).tags or {}).n == 2 end, "tags")
    local bytes = read_file(dir .. "/memory")
    a:publish("jobs", 4)
    stage:wait(function() return #heard == 4 end, "the fourth")
    a:close()
    stage:write("memory/memory", bytes) -- as if it had been killed before the next snapshot
    a = start { handlers = handlers, bind = addr, tags = { n = 3 } }
    stage:wait(function() return (b:member(addr) or { tags = {} }).tags.n == 3 end, "tags of the next life")
    stage:wait(function() return a:num_members() == 1 end, "the member")
    a:publish("jobs", 5)
    stage:wait(function() return #heard == 5 end, "what the next life says")
    assert.same({ "jobs", 5 }, { heard[5][1], heard[5][2] })
    assert.is_true(heard[5][3] > 65536, heard[5][3])
    stage:wait(function() return #missed > 0 end, "what may be missing")
    assert.same({ "jobs", 5 }, { missed[1][1], missed[1][2] })
  end)

  it("goes on above topics that no snapshot has, with an identity that stays as it is", function()
    local handlers, a, b, heard, missed = lasting_pair {}
    local addr = a:bound()
    written(a)
    local bytes, most = read_file(dir .. "/memory"), 0
    for life = 1, 3 do
      for i = 1, 3 do a:publish("jobs", life * 10 + i) end
      stage:wait(function() return #heard == life * 3 end, "what life " .. life .. " publishes")
      assert.is_true(heard[#heard - 2][3] > most)
      most = heard[#heard][3]
      a:close()
      if life == 1 then stage:write("memory/memory", bytes) end -- as if it had been killed before the next snapshot
      a = start { handlers = handlers, bind = addr, join = { b:bound() }, snapshot_every = 1000 }
      stage:wait(function() return a:num_members() == 1 end, "the member, again")
    end
    stage:wait(function() return #missed >= 2 end, "what may be missing")
    assert.equal("jobs", missed[1][1])
  end)

  it("tells those who follow a topic that something may be missing, with a new identity", function()
    local missed = {}
    local b = stage:start { handlers = {
      on_missed = function(_, topic) missed[#missed + 1] = topic end,
    } }
    local a = start { join = { b:bound() } }
    local addr = a:bound()
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair")
    a:publish("jobs", 1)
    a:close()
    b:close()
    b = stage:start { handlers = {
      on_missed = function(_, topic) missed[#missed + 1] = topic end,
    } } -- has never heard of that topic
    a = start { bind = addr, join = { b:bound() } }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "another pair")
    a:publish("jobs", 2)
    stage:wait(function() return #missed > 0 end, "what may be missing")
    assert.equal("jobs", missed[1])
  end)

  describe("of the store", function()
    local script = [[
      return { persist = %s, on_start = function(node) node.store.starts = (node.store.starts or 0) + 1 end } ]]

    it("is there if the script wants it, before on_start", function()
      local path = stage:write("s.lua", script:format "true")
      for i = 1, 3 do
        local node = start { handlers = path }
        assert.equal(i, node.store.starts)
        node:close()
      end
    end)

    it("is not there if the script does not want it", function()
      local path = stage:write("s.lua", script:format "false")
      for _ = 1, 2 do
        local node = start { handlers = path }
        assert.equal(1, node.store.starts)
        node:close()
      end
    end)

    it("of a table of handlers is remembered, too, and while it runs", function()
      local node = start { handlers = { persist = true } }
      written(node)
      node.store.answer = 42
      written(node)
      local bytes = read_file(dir .. "/memory")
      node:close()
      node = start { handlers = { persist = true } }
      assert.equal(42, node.store.answer)
      assert.is_truthy(bytes:find("answer", 1, true))
    end)

    it("that cannot be packed is a warning, and the last one that could be is kept", function()
      local lines = stage:capture(function()
        local node = start { handlers = { persist = true }, log = { levels = "warn" } }
        node.store.answer = 42
        written(node)
        node.store.callback = print
        node:close()
      end)
      assert.equal(1, #lines)
      assert.matches("node.store cannot be remembered.*store%.callback: cannot carry a function", lines[1])
      assert.equal(42, start { handlers = { persist = true } }.store.answer)
    end)

    it("must be asked for with true or false", function()
      assert.error_matches(function() stage:start { handlers = { persist = 1 } } end,
        "'persist' must be a boolean, got 1")
    end)
  end)

  describe("that cannot be used", function()
    local function warned(options)
      local lines = stage:capture(function()
        options.log = { levels = "warn" }
        start(options)
      end)
      assert.equal(1, #lines)
      return lines[1]
    end

    before_each(function() start({ cluster = "west" }):close() end)

    it("is set aside when it is damaged", function()
      local bytes = read_file(dir .. "/memory")
      stage:write("memory/memory", bytes:sub(1, 30) .. "X" .. bytes:sub(32))
      assert.matches("the memory on disk was set aside: it cannot be used.*is damaged", warned { cluster = "west" })
      assert.equal("X", read_file(dir .. "/memory.aside"):sub(31, 31))
      stage:write("memory/memory", bytes:sub(1, -2))
      assert.matches("is truncated or damaged", warned { cluster = "west" })
      assert.equal(bytes:sub(1, -2), read_file(dir .. "/memory.aside.2"))
      stage:write("memory/memory", "")
      assert.matches("is not a memory of shoal", warned { cluster = "west" })
    end)

    it("is set aside when a newer version wrote it, or it is another cluster's", function()
      local bytes = read_file(dir .. "/memory")
      assert.matches("is of another cluster", warned { cluster = "east" })
      assert.equal(bytes, read_file(dir .. "/memory.aside"))
      stage:write("memory/memory", bytes:sub(1, 8) .. "\0\2" .. bytes:sub(11))
      assert.matches("was written by a newer version", warned { cluster = "west" })
    end)
  end)

  it("that was set aside is not lost when another one is", function()
    start({ cluster = "west", handlers = { persist = true } }):close()
    local first = read_file(dir .. "/memory")
    for _ = 1, 12 do
      start({ cluster = "east" }):close()
      start({ cluster = "west" }):close()
    end
    assert.equal(first, read_file(dir .. "/memory.aside"))
    assert.is_truthy(io.open(dir .. "/memory.aside.9"))
    assert.is_nil(io.open(dir .. "/memory.aside.10"))
  end)

  it("names what is in the way", function()
    local function message_of(path)
      local node, message, code = stage:try_start { data_dir = path }
      assert.same({ nil, "data_dir" }, { node, code })
      return message
    end
    os.execute(("mkdir -m 700 %s && ln -s /etc/passwd %s/memory && ln -s nowhere %s"):format(dir, dir,
      stage:path "dangling"))
    assert.matches("/memory is a symbolic link", message_of(dir))
    assert.matches("dangling is a symbolic link that leads nowhere", message_of(stage:path "dangling"))
  end)

  it("needs a folder that others cannot write to", function()
    os.execute(("mkdir %s && chmod 777 %s"):format(dir, dir))
    local node, message, code = stage:try_start { data_dir = dir }
    assert.is_nil(node)
    assert.equal("data_dir", code)
    assert.matches("other users may write to the folder .* %(mode 0777%): chmod go%-w it", message)
    node, message, code = stage:try_start { data_dir = stage:path "no/such" }
    assert.is_nil(node)
    assert.equal("data_dir", code)
    assert.matches("cannot create the folder .*no such file or directory", message)
  end)

  it("that cannot be written is one warning, a count, and an error at the end", function()
    local lines = stage:capture(function()
      local node = start { log = { levels = "warn" } }
      written(node)
      os.execute(("rm -r %s"):format(dir))
      stage:start { join = { node:bound() } }
      stage:wait(function() return node:info().memory.failed >= 3 end, "failures")
      assert.matches("cannot write .*/memory: no such file or directory", node:info().memory.error)
      node:close()
    end)
    assert.equal(2, #lines)
    assert.matches("cannot write the memory on disk", lines[1])
    assert.matches("error script  the last state is not in the memory on disk folder=.+ error=\"cannot write", lines[2])
  end)

  it("is none of a simulation's", function()
    local net = require("shoal.sim").new { seed = 1 }
    assert.error_matches(function() net:spawn(1, { data_dir = dir }) end, "option 'data_dir': not in a simulation")
  end)

  if not core.keygen() then
    return
  end

  describe("of keys", function()
    local keys = { core.keygen(), core.keygen(), core.keygen() }

    local function ids(node)
      local list = {}
      for i, key in ipairs(node:keys()) do list[i] = key.id end
      return list
    end

    it("counts as long as the same keys are given", function()
      local node = start { key = keys[1] }
      local first = ids(node)[1]
      assert(node:add_key(keys[2]))
      local second = ids(node)[2]
      assert(node:use_key(second))
      node:close()
      node = start { key = keys[1] }
      assert.same({ second, first }, ids(node))
      node:close()
      node = start { key = keys[3] }
      assert.equal(1, #node:keys())
      assert.not_equal(first, ids(node)[1])
    end)

    it("is put aside when others are given, so that a wrong file loses nothing", function()
      local node = start { key = keys[1] }
      assert(node:add_key(keys[2]))
      local used = ids(node)[2]
      assert(node:use_key(used))
      node:close()
      local lines = stage:capture(function() start { key = keys[3], log = "warn" } end)
      assert.equal(1, #lines)
      assert.matches("the memory that has them was set aside folder=" .. dir .. "$", lines[1])
      assert(os.rename(dir .. "/memory.aside", dir .. "/memory"))
      node = start { key = keys[1] }
      assert.equal(used, ids(node)[1])
    end)

    it("counts also when the file was given the one in use", function()
      local node = start { key = keys[1] }
      assert(node:add_key(keys[2]))
      assert(node:use_key(ids(node)[2]))
      local both = ids(node)
      node:close()
      node = start { key = keys[2] }
      assert.same(both, ids(node))
      assert.is_nil(io.open(dir .. "/memory.aside"))
    end)

    it("is never used without one that is given", function()
      start({ key = keys[1] }):close()
      local node, message, code = stage:try_start { data_dir = dir }
      assert.is_nil(node)
      assert.equal("key", code)
      assert.matches("has keys, and none is given", message)
    end)
  end)
end)
