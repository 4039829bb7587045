--- Each example as its first lines say: real members, real files.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local root = os.getenv("SHOAL_SOURCE") or "."
local SOON = 10

local function example(name)
  return root .. "/examples/" .. name .. ".lua"
end

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function start(name, options)
  options = options or {}
  options.script = example(name)
  return node.start(options)
end

local function wait_for_line(member, line)
  wait.for_that(function() return member:log():find(line, 1, true) end, SOON, "the line '" .. line .. "'")
end

local function count_of(text, line)
  local count, at = 0, 1
  while true do
    local _, stop = text:find(line, at, true)
    if not stop then return count end
    count, at = count + 1, stop + 1
  end
end

describe("the example", function()
  after_each(node.cleanup)

  it("hello greets and says goodbye", function()
    local a = start "hello"
    local b = start("hello", { join = { a } })
    wait_for_line(a, "hello, " .. b.addr)
    wait_for_line(b, "hello, " .. a.addr)
    b:signal "TERM"
    wait_for_line(a, "goodbye, " .. b.addr)
  end)

  it("agent keeps a file of the active members", function()
    local folder = process.tempdir()
    local path = folder .. "/members.txt"
    local a = start("agent", { config = "loopback", env = { MEMBERS_FILE = path } })
    assert.equal(a.addr .. "\n", slurp(path))
    local b = node.start { join = { a } }
    local both = { a.addr, b.addr }
    table.sort(both)
    wait.for_that(function() return slurp(path) == table.concat(both, "\n") .. "\n" end, SOON, "a file of two")
    b:signal "KILL"
    wait.for_that(function() return slurp(path) == a.addr .. "\n" end, SOON, "a file of one")
    assert.is_nil(slurp(path .. ".new"))
  end)

  it("agent says so when it cannot write, and goes on", function()
    local a = start("agent", { env = { MEMBERS_FILE = "/nowhere/members.txt" } })
    wait_for_line(a, "cannot write the list of members")
    local b = node.start { join = { a } }
    wait.for_that(function() return a:sees(b) == "alive" end, SOON)
  end)

  for hole = 1, 4 do
    it("identity_golf makes a cluster of identities, hole " .. hole, function()
      local env = { HOLE = tostring(hole) }
      local taken = {}
      local function play(join)
        for port = 7900, 7931 do -- whoever else runs this spec has other ports
          if not taken[port] then
            local ok, member = pcall(start, "identity_golf", {
              config = "loopback", env = env, bind = "127.0.0.1:" .. port, join = join,
            })
            taken[port] = true
            if ok then return member end
          end
        end
        error("no port of 7900 to 7931 is free")
      end
      local a = play()
      local b = play { a:info().bind }
      wait.for_that(function() return a:sees(b) == "alive" and b:sees(a) == "alive" end, SOON)
      b:signal "KILL"
      wait.for_that(function() return a:sees(b) == "down" end, SOON)
    end)
  end

  it("identity_golf has four holes", function()
    for _, hole in ipairs { "5", "x" } do
      local done = process.run { process.shoal, "check", process.source .. "/examples/identity_golf.lua",
        env = { HOLE = hole } }
      assert.equal(1, done.code)
      assert.matches("HOLE must be 1 to 4, not " .. hole, done.err)
    end
  end)

  it("kv has the same map everywhere, for newcomers too", function()
    local a = start "kv"
    local b = start("kv", { join = { a } })
    wait.for_that(function() return a:sees(b) == "alive" and b:sees(a) == "alive" end, SOON)
    assert.equal(0, a:ask("publish", "set", "2 colour blue").code)
    wait_for_line(b, "set colour value=blue version=2")
    b:ask("publish", "set", "1 colour red")
    b:ask("publish", "set", "3 colour green")
    wait_for_line(a, "set colour value=green version=3")
    local c = start("kv", { join = { b } })
    wait_for_line(c, "set colour value=green version=3")
    assert.is_nil(a:log():find("red", 1, true))
    assert.is_nil(c:log():find("blue", 1, true))
  end)

  it("register has the newest value everywhere", function()
    local a = start "register"
    local b = start("register", { join = { a } })
    wait.for_that(function() return a:sees(b) == "alive" and b:sees(a) == "alive" end, SOON)
    assert.equal(0, a:ask("broadcast", "2 closed until noon").code)
    wait_for_line(b, "the value is closed until noon version=2")
    assert.is_true(b:ask("broadcast", "1 open").code ~= 0)
    assert.equal(0, b:ask("broadcast", "3 open").code)
    wait_for_line(a, "the value is open version=3")
    assert.is_nil((a:log() .. b:log()):find("version=1", 1, true))
  end)

  it("cache_invalidation drops an entry in every gateway, once", function()
    local a = start "cache_invalidation"
    local b = start("cache_invalidation", { join = { a } })
    wait.for_that(function() return a:sees(b) == "alive" and b:sees(a) == "alive" end, SOON)
    assert.equal(0, a:ask("publish", "purge", "users/42").code)
    wait_for_line(b, "dropped users/42")
    a:ask("publish", "purge", "users/42")
    wait.for_that(function() return count_of(b:log(), "dropped users/42") == 2 end, SOON)
    assert.equal(2, count_of(a:log(), "dropped users/42"))
    a:signal "KILL"
    a:wait(10)
    local again = start("cache_invalidation", { bind = a.addr, join = { b } })
    wait_for_line(b, "dropped all: something that " .. again.addr .. " published was missed")
  end)

  it("roles sends to members with the role alone", function()
    local web = start("roles", { env = { ROLE = "web" } })
    local db = start("roles", { env = { ROLE = "db" }, join = { web } })
    local other = start("roles", { env = { ROLE = "web" }, join = { web } })
    wait.for_that(function()
      return web:sees(db) == "alive" and web:sees(other) == "alive" and db:sees(other) == "alive"
    end, SOON)
    web:ask("broadcast", "rotate the logs")
    wait_for_line(db, "got rotate the logs")
    wait.for_that(function() return db:info().backlog.broadcasts == 0 or nil end, SOON)
    assert.is_nil(other:log():find("rotate", 1, true))
  end)
end)
