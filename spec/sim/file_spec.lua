--- shoal.file: files for other programs, which are functions here.

local file = require "shoal.file"
local lfs = require "lfs"
local nets = require "spec.sim.support"
local process = require "spec.support.process"

describe("a file that is kept", function()
  after_each(nets.close)

  --- A member; the path of a file; the texts that its program has found in there. `answers.code`
  -- is how that program ends.
  local function setup()
    local net, path = nets.new(), process.tempdir() .. "/it's a list.cfg"
    local found, answers = {}, { code = 0 }
    net:on_spawn(function()
      found[#found + 1] = process.read(path)
      return { code = answers.code }
    end)
    return net, net:spawn { handlers = {} }, path, found, answers
  end

  it("has the text that was there before the one that could not be taken into use, if that is wanted", function()
    local net, member, path, found, answers = setup()
    file.keep(member, path, "A", { "reload" })
    net:run(1)
    answers.code = 1
    file.keep(member, path, "B", { "reload" })
    net:run(1)
    answers.code = 0
    file.keep(member, path, "A", { "reload" })
    net:run(10)
    assert.equal("A", process.read(path))
    assert.same({ "A", "B", "A" }, found)
    net:run(60)
    assert.equal(3, #found)
  end)

  it("is written later if its program could not be called what it was", function()
    local net, member, path, found = setup()
    file.keep(member, path, "A", { "re\0load" })
    net:run(1)
    assert.equal(1, #net:errors())
    assert.same({}, found)
    file.keep(member, path, "A", { "reload" })
    net:run(1)
    assert.same({ "A" }, found)
  end)

  it("is refused if it is none, where the caller is", function()
    local _, member, path = setup()
    for message, arguments in pairs {
      ["file.keep: needs the path of a file, got nil"] = {},
      ["file.keep: needs a text, got 5"] = { path, 5 },
      ["file.keep: 'reload' must list a program and its arguments, got 'nginx'"] = { path, "A", "nginx" },
      ["file.keep: 'reload' must list a program and its arguments, got a table"] = { path, "A", {} },
      ["file.keep: 'reload' must list strings, got true"] = { path, "A", { "nginx", true } },
    } do
      local ok, why = pcall(function() file.keep(member, arguments[1], arguments[2], arguments[3]) end)
      assert.is_false(ok)
      assert.equal(message, why:match "^[^:]*file_spec%.lua:%d+: (.*)$")
    end
  end)

  it("has the mode of the one that it replaces", function()
    local path = process.tempdir() .. "/it's a secret"
    assert(file.replace(path, "A"))
    for _, mode in ipairs { "0600", "0664" } do
      assert(os.execute(("chmod %s %q"):format(mode, path)))
      local before = lfs.attributes(path, "permissions")
      assert(file.replace(path, mode))
      assert.equal(before, lfs.attributes(path, "permissions"))
      assert.equal(mode, process.read(path))
    end
  end)

  it("takes the place of a symbolic link", function()
    local folder = process.tempdir()
    local target = process.write(folder .. "/target", "theirs")
    assert(lfs.link(target, folder .. "/link", true))
    assert(file.replace(folder .. "/link", "ours"))
    assert.equal("file", lfs.symlinkattributes(folder .. "/link", "mode"))
    assert.equal("ours", process.read(folder .. "/link"))
    assert.equal("theirs", process.read(target))
  end)
end)
