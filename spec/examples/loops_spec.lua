--- Nodes in programs that have another loop: each example, as a process of its own.

local files = require "spec.support.files"
local process = require "spec.support.process"

local SOON = 10

--- A program on the examples' terms: its lines, the address it says it is at.
local function program(options)
  local self = process.start(options)
  return self, self:wait_for("at (%S+)\n", SOON, "stdout")
end

local function example(name, seed)
  return program { process.lua, process.source .. "/examples/" .. name .. ".lua", seed }
end

-- Two of them that have met, and the second one's address.
local function pair(name)
  local first, at = example(name)
  local second, other = example(name, at)
  first:wait_for("up " .. other, SOON, "stdout")
  second:wait_for("up " .. at, SOON, "stdout")
  return first, second, other
end

describe("a node in another loop", function()
  after_each(process.cleanup)

  if files.sanitized then
    pending "an interpreter without the sanitizer cannot load the module"
    return
  end

  for _, name in ipairs { "cqueues", "luv", "luasocket" } do
    it("joins, sees who comes and who goes, and lets the rest of the program work: " .. name, function()
      local first, second, other = pair(name)
      if name ~= "luasocket" then
        first:wait_for("1 others", SOON, "stdout")
      end
      if name ~= "cqueues" then
        first:wait_for("not alone", SOON, "stdout")
      end
      second:signal "KILL"
      first:wait_for("down " .. other, 3 * SOON, "stdout")
    end)
  end

  for _, name in ipairs { "cqueues", "luv", "luasocket" } do
    it("says goodbye when it is interrupted: " .. name, function()
      local first, second, other = pair(name)
      second:signal "INT"
      assert.equal(0, second:wait(SOON), second:stderr())
      assert.not_matches("interrupted", second:stderr())
      first:wait_for("down " .. other, SOON, "stdout")
      first:signal "TERM"
      assert.equal(0, first:wait(SOON), first:stderr())
    end)
  end

  it("serves others of the loop's: luasocket", function()
    local first, at = example "luasocket"
    local _, other = example("luasocket", at)
    first:wait_for("up " .. other, SOON, "stdout")
    local socket = require "socket"
    local client = assert(socket.connect("127.0.0.1", tonumber(first:stdout():match "http %S-:(%d+)")))
    client:settimeout(6 * SOON)
    assert.matches(other .. "\n$", assert(client:receive "*a"))
    client:close()
  end)

  it("shares the default loop of a C program", function()
    local folder = process.tempdir()
    local build = folder .. "/build"
    for _, command in ipairs {
      { "cmake", "-S", process.source .. "/examples/embed", "-B", build, seconds = 60 },
      { "cmake", "--build", build, seconds = 60 },
    } do
      local done = process.run(command)
      assert.equal(0, done.code, done.err)
    end
    local script = process.write(folder .. "/handlers.lua", [[
      return { on_member_up = function(_, member) print("up " .. member.addr) end }
    ]])
    local first, at = program { build .. "/embed", script }
    local second, other = program { build .. "/embed", script, at }
    first:wait_for("up " .. other, SOON, "stdout")
    first:wait_for("1 others", SOON, "stdout")
    second:signal "TERM"
    assert.equal(0, second:wait(SOON), second:stderr())
    first:wait_for("0 others", SOON, "stdout") -- it said goodbye
    first:signal "INT"
    assert.equal(0, first:wait(SOON), first:stderr())
  end)
end)
