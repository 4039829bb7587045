--- What a power cut leaves: real members that are killed come back as one cluster, each from its
--- own memory, without a seed. spec/script/memory_spec.lua has what is remembered.

local errno = require "posix.errno"
local files = require "spec.support.files"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local COUNT = tonumber(os.getenv("SHOAL_MEMORY_MEMBERS") or 8)
local SHIM = files.build .. "/spec/libspec-faults.so"

describe("members with a memory on disk", function()
  local folder

  before_each(function() folder = process.tempdir() end)
  after_each(process.cleanup)

  local function launch(i, bind, options)
    options = options or {}
    local args = { "--data-dir", ("%s/%d"):format(folder, i), "--snapshot-every", "0.1" }
    for _, argument in ipairs(options.args or {}) do args[#args + 1] = argument end
    options.args, options.bind = args, bind
    return node.launch(options)
  end

  local function ready(member)
    member.addr = member.process:wait_for("started.-bind=(%S+)", 20)
    member.process:wait_for("running control=", 20)
    return member
  end

  local function kill(members)
    for _, member in ipairs(members) do member:signal "KILL" end
    for _, member in ipairs(members) do member:wait(10) end
  end

  local function all_know_all(members)
    for _, member in ipairs(members) do
      if #member:members() ~= #members - 1 then return false end
    end
    return true
  end

  it("come back as one cluster after all were killed, with no seed", function()
    local members = {}
    for i = 1, COUNT do
      members[i] = ready(launch(i, node.own_address(), { join = { members[1] } }))
    end
    wait.for_that(function() return all_know_all(members) end, 60, "the cluster")
    for i, member in ipairs(members) do
      wait.for_that(function()
        local bytes = process.read(("%s/%d/memory"):format(folder, i)) or ""
        for _, other in ipairs(members) do
          if other ~= member and not bytes:find(other.addr, 1, true) then return false end
        end
        return true
      end, 60, "what it knows on disk")
    end
    kill(members)
    local again = {}
    for i, member in ipairs(members) do again[i] = launch(i, member.addr) end
    for _, member in ipairs(again) do ready(member) end
    local start = wait.now()
    wait.for_that(function() return node.converged(again) end, 60, "the cluster, again")
    if COUNT > 8 then
      print(("# %d members: %.2f s after the last start"):format(COUNT, wait.now() - start))
    end
    for _, member in ipairs(again) do
      assert.same({}, member:info().seeds)
      assert.same({}, assert(member:try("members", "--gone")))
    end
  end)

  it("do not believe that one is there that does not come back", function()
    local a = ready(launch(1, node.own_address()))
    local b = ready(launch(2, node.own_address(), { join = { a } }))
    local c = ready(launch(3, node.own_address(), { join = { a }, args = { "--tag", "zone=west" } }))
    wait.for_that(function()
      return (process.read(folder .. "/1/memory") or ""):find(c.addr, 1, true)
        and all_know_all { a, b, c }
    end, 20, "three members, on disk")
    kill { a, b, c }
    a, b = ready(launch(1, a.addr)), ready(launch(2, b.addr))
    wait.for_that(function() return all_know_all { a, b } end, 20, "two of them")
    assert.same({}, { a:sees(c), b:sees(c) })
    local gone = assert(a:try("members", "--gone"))
    assert.same({ 1, c.addr, "remembered", "west" }, { #gone, gone[1].addr, gone[1].state, gone[1].tags.zone })
    assert.matches("^  NAME +ADDRESS +STATE +LAST SEEN +TAGS\n +%S+ +" .. c.addr:gsub("%p", "%%%0")
      .. " +remembered +%S+ ago +zone=west\n$", a:ask("members", "--gone").out)
    assert.equal(0, a:ask("forget", c.addr).code)
    assert.equal("  NAME  ADDRESS  STATE  LAST SEEN  TAGS\n", a:ask("members", "--gone").out)
  end)

  it("take the folder of the service manager", function()
    local member = node.start { env = { STATE_DIRECTORY = folder .. "/x:" .. folder .. "/y" } }
    assert.equal(folder .. "/x", member:info().memory.path)
    assert.is_nil(node.start { env = { STATE_DIRECTORY = false } }:info().memory)
  end)

  it("live on when the disk is full, with one warning", function()
    if not process.read(SHIM) then
      pending "only Linux has its system calls replaced"
      return
    end
    local member = ready(launch(1, nil, { env = {
      LD_PRELOAD = SHIM,
      SHOAL_FAULTS = "fsync:" .. errno.ENOSPC,
      ASAN_OPTIONS = "verify_asan_link_order=0",
    } }))
    wait.for_that(function() return member:info().memory.failed > 2 end, 20, "failures")
    local _, warnings = member:log():gsub("cannot write the memory on disk", "")
    assert.equal(1, warnings)
    assert.matches("/1/memory: no space left on device", member:info().memory.error)
    assert.is_nil(process.read(folder .. "/1/memory"))
    assert.is_nil(process.read(folder .. "/1/memory.new"))
    member:signal "TERM"
    assert.equal(0, member:wait(10))
  end)
end)
