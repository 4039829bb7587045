--- Where keys come from, who may read them, and what `shoal keys` does with them.

local core = require "shoal.core"
local node = require "spec.support.node"
local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local wait = require "spec.support.wait"

local describe_keys = core.keygen() and describe or pending

local function make_key(folder, name)
  local path = folder .. "/" .. (name or "key")
  local done = process.cli("keygen", path)
  assert.equal("", done.err)
  return path, done.out:match("^key (%x%x%x%x) in ")
end

local function refused(folder, ...)
  local done = process.cli("run", process.write(folder .. "/script.lua", "return {}\n"), "--bind", "127.0.0.1:0",
    "--control", folder .. "/control.sock", ...)
  assert.equal("", done.out)
  return done.err, done.code
end

describe_keys("a key", function()
  local folder
  before_each(function()
    folder = process.tempdir()
  end)
  after_each(process.cleanup)

  it("is printed, another one each time", function()
    local one, two = process.cli("keygen").out, process.cli("keygen").out
    assert.matches("^[%w+/]+=\n$", one)
    assert.equal(45, #one)
    assert.not_equal(one, two)
  end)

  it("is put into a new file that only its owner may read", function()
    local path, id = make_key(folder)
    assert.equal(4, #id)
    assert.equal(tonumber("600", 8), stat.stat(path).st_mode % 512)
    local again = process.cli("keygen", path)
    assert.equal(1, again.code)
    assert.equal(("shoal: cannot create %s: file exists\n"):format(path), again.err)
  end)

  it("is not taken from a file that others may read", function()
    local path = make_key(folder)
    stat.chmod(path, tonumber("640", 8))
    local message, code = refused(folder, "--key-file", path)
    assert.equal(1, code)
    assert.equal(("shoal: other users may read or write the key file %s (mode 0640): chmod 600 it\n"):format(path),
      message)
  end)

  it("is taken from such a file if the service manager has put it there", function()
    local path, id = make_key(folder)
    stat.chmod(path, tonumber("440", 8))
    local member = node.start { args = { "--key-file", path }, env = { CREDENTIALS_DIRECTORY = folder } }
    assert.equal(id .. "  in use\n", member:ask("keys").out)
    member = node.start { args = { "--key-file", path }, env = { CREDENTIALS_DIRECTORY = folder .. "//" } }
    assert.equal(id .. "  in use\n", member:ask("keys").out)
    assert.matches("chmod 600", (refused(folder, "--key-file", path)), 1, true)
  end)

  it("is missed by options that are for nothing without one", function()
    local member = node.start { args = { "--clock-skew", "0", "--key-grace", "5" } }
    for _, option in ipairs { "clock_skew", "key_grace" } do
      assert.matches("warn  script  an option has no effect without a key option=" .. option .. "\n", member:log(), 1,
        true)
    end
    local path = make_key(folder)
    member = node.start { args = { "--clock-skew", "0", "--key-file", path } }
    assert.not_matches("no effect", member:log(), 1, true)
    assert.not_matches("no effect", node.start({}):log(), 1, true)
  end)

  it("is not taken from what is no regular file, or no key", function()
    assert.matches("is not a regular file", (refused(folder, "--key-file", "/dev/null")), 1, true)
    assert.matches("is not a regular file", (refused(folder, "--key-file", folder)), 1, true)
    assert.matches("cannot read the key file .*: no such file or directory",
      (refused(folder, "--key-file", folder .. "/none")))
    local path = process.write(folder .. "/bad", "# mine\n\nsecret\n")
    stat.chmod(path, tonumber("600", 8))
    assert.matches("/bad: line 3: a key is 32 bytes in base64", (refused(folder, "--key-file", path)), 1, true)
    process.write(path, "# nothing\n")
    assert.matches("/bad: there is no key in it", (refused(folder, "--key-file", path)), 1, true)
    local both = process.cli("run", path, "--key-file", path, "--key-fd", "0")
    assert.equal(2, both.code)
    assert.matches("option '--key-fd' can not be used together with option '--key-file'", both.err, 1, true)
  end)

  it("is taken from a descriptor", function()
    local path, id = make_key(folder)
    local member = node.start {
      args = { "--key-fd", "7" },
      within = { "/bin/sh", "-c", ('exec 7<%s; exec "$@"'):format(path), "sh" },
    }
    assert.equal(id .. "  in use\n", member:ask("keys").out)
  end)

  it("is changed on running members, one after the other", function()
    local old, old_id = make_key(folder, "old")
    local new, new_id = make_key(folder, "new")
    local members = node.start_cluster(3, { args = { "--key-file", old } })
    local function all_see()
      for _, member in ipairs(members) do
        if #member:members() ~= 2 then
          return false
        end
      end
      return true
    end
    wait.for_that(all_see, 20, "three members")
    local function step(out, ...)
      for _, member in ipairs(members) do
        local done = member:ask("keys", ...)
        assert.equal("", done.err)
        assert.equal(out, done.out)
      end
    end
    step(("%s  in use\n%s\n"):format(old_id, new_id), "add", new)
    step(("%s  in use\n%s\n"):format(new_id, old_id), "use", new_id)
    step(new_id .. "  in use\n", "remove", old_id)
    local late = node.start { join = { members[1] }, args = { "--key-file", new } }
    wait.for_that(function()
      return #late:members() == 3
    end, 20, "a member with the new key")
    for _, member in ipairs(members) do
      local host = member:info().host
      assert.equal(0, host.foreign_key + host.unauthentic + host.replayed)
    end
    local done = members[1]:ask("keys", "remove", new_id)
    assert.equal(1, done.code)
    assert.equal(("shoal: the key %s is in use: use another one first\n"):format(new_id), done.err)
  end)

  it("is wanted for each change, and for nothing else", function()
    for _, case in ipairs {
      { { "list", "x" }, "keys list takes no argument" },
      { { "add" }, "keys add takes a key file" },
      { { "use" }, "keys use takes the id of a key" },
    } do
      local words = case[1]
      local done = process.cli("keys", "--control", folder .. "/none", words[1], words[2])
      assert.equal(2, done.code)
      assert.equal(("shoal: %s; see 'shoal keys --help'\n"):format(case[2]), done.err)
    end
  end)

  it("that a member does not have is named in its log, with the address it came from", function()
    local one = node.start { args = { "--key-file", (make_key(folder, "one")) } }
    local two = node.start { join = { one }, args = { "--key-file", (make_key(folder, "two")) } }
    wait.for_that(function()
      return one:info().host.foreign_key > 1
    end, 20, "packets with another key")
    assert.matches("a packet is sealed with a key that this member does not have from=" .. two.addr:gsub("%p", "%%%0"),
      one:log())
    assert.same({}, one:members())
    assert.equal(0, two:info().host.datagrams_received)
  end)

  it("is missed in the log of a member that others can reach", function()
    local open = node.start { bind = "0.0.0.0:0", args = { "--advertise", "127.0.0.1" } }
    assert.matches("packets are neither encrypted nor authenticated", open:log(), 1, true)
    local closed = node.start { bind = "0.0.0.0:0",
      args = { "--advertise", "127.0.0.1", "--key-file", (make_key(folder)) } }
    assert.not_matches("neither encrypted", closed:log(), 1, true)
    assert.not_matches("neither encrypted", node.start({}):log(), 1, true)
    assert.equal("shoal: the node has no key: it was started without one\n", open:ask("keys").err)
  end)

  it("is changed on all members by one command, which names those that do not have it", function()
    local path, old = make_key(folder)
    local options = { args = { "--key-file", path, "--key-grace", "1" }, config = "loopback" }
    local members = node.start_cluster(3, options)
    wait.for_that(function() return node.converged(members) end, 20, "the cluster")
    local done = members[2]:ask("keys", "rotate")
    assert.equal("", done.err)
    local new = done.out:match("^key (%x%x%x%x) is used by all members\n")
    assert.not_equal(old, new)
    for _, member in ipairs(members) do
      wait.for_that(function() return member:ask("keys").out == new .. "  in use\n" end, 20, "the new key alone")
    end
    assert.is_true(node.converged(members))
    assert.equal(0, members[1]:info().drops.foreign_key)
    members[3]:stop()
    done = members[1]:ask("keys", "rotate", "--wait", "0")
    assert.equal(1, done.code)
    assert.matches("^shoal: key %x%x%x%x: %d members? do[es]* not have it: .*; the rotation goes on\n$", done.err)
    members[3]:continue()
  end)

  it("is changed to one in a file, with which others join after the old one has gone", function()
    local path = make_key(folder)
    local members = node.start_cluster(2, { args = { "--key-file", path, "--key-grace", "0.5" }, config = "loopback" })
    wait.for_that(function() return node.converged(members) end, 20, "the cluster")
    local file, id = make_key(folder, "new")
    local done = members[1]:ask("keys", "rotate", file)
    assert.same({ "", 0 }, { done.err, done.code })
    wait.for_that(function() return members[2]:ask("keys").out == id .. "  in use\n" end, 20, "the new key alone")
    members[3] = node.start { join = { members[1].addr }, args = { "--key-file", file }, config = "loopback" }
    wait.for_that(function() return node.converged(members) end, 20, "the third")
    done = members[1]:ask("keys", "rotate", file)
    assert.same({ "shoal: the key " .. id .. " is there already\n", 1 }, { done.err, done.code })
  end)

  it("says which key makes room for another one", function()
    local path, first = make_key(folder)
    local member = node.start { args = { "--key-file", path } }
    for _ = 1, 3 do assert.equal("", member:ask("keys", "rotate").err) end
    assert.matches("^key " .. first .. " made room: a member that has been away", member:ask("keys", "rotate").out)
  end)

  it("says so of each key, when two rotations begin at once", function()
    local path = make_key(folder)
    local members = node.start_cluster(2, { args = { "--key-file", path }, config = "loopback" })
    wait.for_that(function() return node.converged(members) end, 20, "the cluster")
    for _ = 1, 3 do assert.equal("", members[1]:ask("keys", "rotate").err) end
    local before = members[1]:ask("keys").out
    local commands = {}
    for i, member in ipairs(members) do
      commands[i] = process.start { process.shoal, "keys", "rotate", "--control", member.control }
    end
    for _, command in ipairs(commands) do assert.equal(0, command:wait(40)) end
    -- Where one is over before the other begins, each tells of its own.
    local said, gone = commands[1]:stdout() .. commands[2]:stdout(), 0
    for _, member in ipairs(members) do
      local now = member:ask("keys").out
      for id in before:gmatch("%x%x%x%x") do
        if not now:find(id, 1, true) then
          assert.matches("key " .. id .. " made room: ", said, 1, true)
          gone = gone + 1
        end
      end
    end
    assert.is_true(gone > 2, said)
  end)

  it("goes on when its command is interrupted, which names those that do not have it", function()
    local path = make_key(folder)
    local members = node.start_cluster(2, { args = { "--key-file", path } })
    wait.for_that(function() return node.converged(members) end, 20, "the cluster")
    members[2]:stop()
    local command = process.start { process.shoal, "keys", "rotate", "--control", members[1].control }
    wait.for_that(function()
      return #members[1]:ask("keys").out > #"1234  in use\n"
    end, 10, "the second key")
    command:signal("INT")
    assert.equal(1, command:wait(5))
    assert.matches("^shoal: key %x%x%x%x: 1 member does not have it: [^\n]*; the rotation goes on\n$", command:stderr())
    members[2]:continue()
  end)
end)
