--- A member with a memory on disk whose key file has changed since its last life: "By hand" in
--- docs/operating.md. spec/script/memory_spec.lua has which keys count.

local core = require "shoal.core"
local node = require "spec.support.node"
local process = require "spec.support.process"
local stat = require "posix.sys.stat"

local describe_keys = core.keygen() and describe or pending

local ASIDE = "remembered keys are not used, and the memory that has them was set aside"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe_keys("a key file that has changed", function()
  local folder, ids, texts
  before_each(function()
    folder, ids, texts = process.tempdir(), {}, {}
    for _, name in ipairs { "A", "B" } do
      local path = folder .. "/" .. name
      ids[name] = process.cli("keygen", path).out:match("^key (%x%x%x%x) in ")
      texts[name] = read(path)
    end
  end)
  after_each(process.cleanup)

  -- A member that was given these keys.
  local function start(names, ...)
    local text = names:gsub(".", texts)
    local path = process.write(folder .. "/key", text)
    stat.chmod(path, tonumber("600", 8))
    return node.start { args = { "--data-dir", folder .. "/memory", "--key-file", path, ... } }
  end

  local function stop(member)
    member:signal "TERM"
    assert.equal(0, member:wait(10))
  end

  local function uses(member, names)
    local lines = names:gsub(".", function(name) return ids[name] .. "\n" end)
    assert.equal((lines:gsub("\n", "  in use\n", 1)), member:ask("keys").out)
  end

  local function aside(name)
    return stat.stat(("%s/memory/memory.aside%s"):format(folder, name or ""))
  end

  it("to other keys counts, and the memory with the keys before is set aside", function()
    stop(start "A")
    local member = start "B"
    uses(member, "B")
    assert.matches(ASIDE .. " folder=" .. folder .. "/memory\n", member:log(), 1, true)
    stop(member)
    assert.is_truthy(aside())
    member = start "B"
    uses(member, "B")
    assert.not_matches("key file has changed", member:log(), 1, true)
    assert.is_nil(aside ".2")
  end)

  it("by hand, one step after the other, loses nothing and sets nothing aside", function()
    local member = start "A"
    assert.equal("", member:ask("keys", "add", folder .. "/B").err)
    stop(member)
    member = start "AB"
    uses(member, "AB")
    assert.equal("", member:ask("keys", "use", ids.B).err)
    stop(member)
    member = start "BA"
    uses(member, "BA")
    assert.equal("", member:ask("keys", "remove", ids.A).err)
    stop(member)
    member = start "B"
    uses(member, "B")
    stop(member)
    assert.is_nil(aside())
  end)

  it("counts without the commands, too, and sets nothing aside that is in it", function()
    for _, names in ipairs { "A", "AB", "BA" } do
      local member = start(names)
      uses(member, names)
      assert.not_matches(ASIDE, member:log(), 1, true)
      stop(member)
    end
    assert.is_nil(aside())
    local member = start "B"
    uses(member, "BA") -- it follows what was in use: the commands may have made it so
    stop(member)
  end)
end)
