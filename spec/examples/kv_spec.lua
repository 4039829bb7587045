--- examples/kv.lua in a simulated cluster: in the end all copies agree, whatever happened.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

local path = (os.getenv("SHOAL_SOURCE") or ".") .. "/examples/kv.lua"

local function grown(count, network)
  return nets.grown(count, { handlers = path, config = "lan" }, network)
end

local function text_of(member)
  local list = {}
  for key, entry in pairs(member.store.kv) do list[#list + 1] = key .. "=" .. entry.value end
  table.sort(list)
  return table.concat(list, " ")
end

local function all_have(net, text)
  return function()
    for _, member in ipairs(net:members()) do
      if text_of(member) ~= text then return false end
    end
    return true
  end
end

local function set(member, ...)
  for _, text in ipairs { ... } do assert(member:publish("set", text)) end
end

-- 200 entries of 100 bytes: a map that takes many answers.
local ANSWERS = 25

local function fill(net, member)
  local list = {}
  for i = 1, 200 do
    local key, value = ("key%03d"):format(i), ("%03d"):format(i):rep(30)
    list[i] = key .. "=" .. value
    set(member, ("1 %s %s"):format(key, value))
    if i % 20 == 0 then net:run(1) end
  end
  local text = table.concat(list, " ")
  assert(net:run_until(all_have(net, text), 10))
  return text
end

local function answered(net)
  local sum = 0
  for _, member in ipairs(net:members()) do sum = sum + member:stats().questions.answered end
  return sum
end

describe("the example kv", function()
  after_each(function()
    nets.close()
  end)

  it("keeps the greater version, and the greater text of one version, whichever comes first", function()
    local net, members = grown(6)
    set(members[1], "10 colour green")
    set(members[2], "9 colour yellow")
    set(members[3], "10 colour red")
    set(members[4], "010 colour violet")
    assert(net:run_until(all_have(net, "colour=red"), 5))
    net:run(5)
    assert.is_true(all_have(net, "colour=red")())
    assert.same({}, (net:errors()))
  end)

  it("refuses what is not an entry, or does not fit into an answer", function()
    local net, members = grown(3)
    for _, data in ipairs { "colour blue", "1 colour", "", 5, { "1 colour blue" }, "1 key " .. ("x"):rep(995) } do
      members[1]:publish("set", data)
    end
    set(members[1], "1 key " .. ("x"):rep(994), "1 empty ")
    local text = "empty= key=" .. ("x"):rep(994)
    assert(net:run_until(all_have(net, text), 5))
    net:spawn { handlers = path, config = "lan" }
    assert(net:run_until(all_have(net, text), 5))
    assert.same({}, (net:errors()))
  end)

  it("gives many newcomers the map at once, each by one member", function()
    local net, members = grown(10)
    local text = fill(net, members[1])
    net:run(120)
    local before = answered(net)
    net:spawn(20, { handlers = path, config = "lan" })
    assert(net:run_until(all_have(net, text), 10))
    local each = (answered(net) - before) / 20
    assert.is_true(each >= ANSWERS * 0.9 and each < ANSWERS * 1.5, each)
    assert.same({}, (net:errors()))
  end)

  it("asks little when all is calm: a small question a minute", function()
    local net, members = grown(5)
    fill(net, members[1])
    net:run(200)
    local before = answered(net)
    net:run(600)
    local each = (answered(net) - before) / 5 / 10
    assert.is_true(each > 0.6 and each < 1.5, each)
  end)

  it("agrees after a long split, with what old and new members of both halves have set", function()
    for seed = 1, 5 do
      local net, members = grown(8, { seed = seed })
      set(members[1], "1 before all")
      net:run(2)
      local split = net:partition({ members[1], members[2], members[3], members[4] }, "rest")
      net:run(30)
      set(members[2], "2 left yes", "2 both left")
      set(members[7], "2 right yes", "3 both right")
      local newcomer = net:spawn { handlers = path, config = "lan", join = { members[8].addr } }
      net:run(5)
      set(newcomer, "2 new yes")
      net:run(120)
      assert.equal("before=all both=left left=yes", text_of(members[3]))
      assert.equal("before=all both=right new=yes right=yes", text_of(newcomer))
      split:heal()
      local text = "before=all both=right left=yes new=yes right=yes"
      assert(net:run_until(all_have(net, text), 60), "seed " .. seed)
      assert.same({}, (net:errors()))
      nets.close()
    end
  end)

  it("agrees when two clusters that each have a map become one", function()
    local net, left = grown(4)
    local right = net:spawn(4, { handlers = path, config = "lan", join = false })
    for i = 2, 4 do right[i]:join { right[1].addr } end
    net:run(10)
    set(left[1], "1 left yes")
    set(right[1], "1 right yes")
    net:run(120)
    assert.equal("right=yes", text_of(right[4]))
    right[2]:join { left[2].addr }
    assert(net:run_until(all_have(net, "left=yes right=yes"), 60))
  end)

  it("is whole again in a member that was stopped for minutes", function()
    local net, members = grown(5)
    net:run(5)
    net:pause(members[5], 200)
    net:run(30)
    set(members[1], "1 colour blue")
    set(members[2], "1 shape round")
    net:run(169)
    assert.equal("", text_of(members[5]))
    assert(net:run_until(all_have(net, "colour=blue shape=round"), 60))
  end)

  it("agrees on the last words of a member that was started again at once", function()
    for seed = 1, 10 do
      local net, members = grown(6, { seed = seed })
      set(members[1], "1 colour blue")
      net:run(10)
      net:set { loss = 0.5 }
      set(members[1], "2 colour red")
      net:run(0.1)
      net:crash(members[1])
      net:set { loss = 0 }
      net:restart(members[1])
      net:run(2)
      assert(net:run_until(function() return all_have(net, text_of(members[2]))() end, 120), "seed " .. seed)
      assert.matches("^colour=", text_of(members[1]))
      nets.close()
    end
  end)

  it("keeps the map when it is edited", function()
    local copy = nets.script(process.read(path))
    local net = nets.new()
    local members = net:spawn(3, { handlers = copy, config = "lan" })
    assert(net:run_until(function() return net:converged() end, 60))
    set(members[1], "1 colour blue")
    net:run(5)
    process.write(copy, process.read(path) .. "-- another version\n")
    for _, member in ipairs(members) do assert(member:reload()) end
    assert.is_true(all_have(net, "colour=blue")())
    set(members[1], "2 colour red")
    assert(net:run_until(all_have(net, "colour=red"), 5))
    net:spawn { handlers = copy, config = "lan" }
    assert(net:run_until(all_have(net, "colour=red"), 5))
    assert.same({}, (net:errors()))
  end)
end)

describe("the example register", function()
  after_each(nets.close)

  it("has the last of many quick changes everywhere, and sends few of them", function()
    local register = path:gsub("kv%.lua$", "register.lua")
    local net, members = nets.grown(10, { handlers = register, config = "lan" })
    net:run(10)
    local before = net:stats().bytes
    for i = 1, 1000 do assert.is_true(members[1]:add_broadcast(i .. " value number " .. i)) end
    assert.equal(1, members[1]:backlog().broadcasts)
    assert(net:run_until(function()
      for _, member in ipairs(members) do
        if member.store.value ~= "value number 1000" then return false end
      end
      return true
    end, 5))
    assert.is_true(net:stats().bytes - before < 20000)
    assert.is_false(members[2]:add_broadcast "999 too late")
    assert.is_false(members[2]:add_broadcast "junk")
    assert.same({}, (net:errors()))
  end)
end)
