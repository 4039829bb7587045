--- .ci/deps installs what is missing and removes nothing, on Debian systems made of
-- shell scripts.

local process = require "spec.support.process"

-- On the PATH before the real ones. `have` lists what is installed, `known` what the
-- package lists have, `conflicts` "a b": a cannot be installed beside b.
local PROGRAMS = {
  ["dpkg-query"] = [[
    shift 3
    for name; do grep -qx -- "$name" have && echo "installed $name"; done
    true]],
  ["apt-cache"] = [[
    for name; do :; done
    grep -qx -- "$name" known]],
  ["apt-get"] = [[
    echo "apt-get $*" >>calls
    if [ "$1" = update ]; then cat newer >known; exit; fi
    no_remove= simulate= names=
    for word; do
      case $word in
        --no-remove) no_remove=yes ;;
        -s) simulate=yes ;;
        -*|*=*|install) ;;
        *) names="$names $word" ;;
      esac
    done
    for name in $names; do
      grep -qx -- "$name" known || { echo "E: Unable to locate package $name"; exit 100; }
      for other in $(sed -n "s/^$name //p" conflicts); do
        grep -qx -- "$other" have || case " $names " in *" $other "*) ;; *) continue ;; esac
        [ -z "$no_remove" ] || { echo "E: Packages need to be removed but remove is disabled."; exit 100; }
        sed -i "/^$other$/d" have
      done
    done
    [ "$simulate" ] || printf '%s\n' $names >>have]],
  id = "echo 0",
}

local LUAJIT = "luajit\nlibluajit-5.1-dev\nlibluajit-5.1-2\n"
local LUAJIT2 = "luajit2\nlibluajit2-5.1-dev\nlibluajit2-5.1-2\n"
-- As in Debian 12, where the libraries conflict, and what needs them.
local CONFLICTS = [[
luajit luajit2
luajit libluajit2-5.1-2
libluajit-5.1-dev libluajit2-5.1-dev
libluajit-5.1-dev libluajit2-5.1-2
luajit2 luajit
luajit2 libluajit-5.1-2
libluajit2-5.1-dev libluajit-5.1-dev
libluajit2-5.1-dev libluajit-5.1-2
]]
local PACKAGES = [[
# a comment
build  plain                                  -
build  luajit|luajit2                         luajit
build  libluajit-5.1-dev|libluajit2-5.1-dev   lua.h
test   other                                  -
]]
local ALL = "plain\nother\n" .. LUAJIT .. LUAJIT2

--- A system: { have = …, known = …, newer = …, conflicts = … }; its methods read the files.
local function system(contents)
  local folder = process.tempdir()
  assert(os.execute(("mkdir '%s/bin' '%s/ci'"):format(folder, folder)))
  for name, text in pairs(PROGRAMS) do
    local path = process.write(folder .. "/bin/" .. name, "#!/bin/sh\ncd '" .. folder .. "'\n" .. text .. "\n")
    assert(os.execute("chmod +x '" .. path .. "'"))
  end
  for name, text in pairs { have = "", known = ALL, newer = ALL, conflicts = CONFLICTS, calls = "" } do
    process.write(folder .. "/" .. name, contents[name] or text)
  end
  process.write(folder .. "/ci/packages", PACKAGES)
  process.write(folder .. "/ci/deps", process.read(process.source .. "/.ci/deps"))
  return folder
end

local function deps(folder, ...)
  return process.run { "sh", folder .. "/ci/deps", ..., env = { PATH = folder .. "/bin:" .. os.getenv "PATH" } }
end

local function has(folder, name)
  return ("\n" .. process.read(folder .. "/have")):find("\n" .. name .. "\n", 1, true) ~= nil
end

local function installs(folder)
  local list = {}
  for line in process.read(folder .. "/calls"):gmatch "[^\n]+" do
    if line:match "install" and not line:match " %-s " then list[#list + 1] = line end
  end
  return list
end

describe("the packages that are missing", function()
  after_each(process.cleanup)

  it("are installed, without a removal, and nothing is said when there are none", function()
    local folder = system {}
    assert.equal(0, deps(folder, "build").code)
    for _, name in ipairs { "plain", "luajit", "libluajit-5.1-dev" } do
      assert.is_true(has(folder, name), name)
    end
    assert.is_false(has(folder, "other"))
    assert.equal(1, #installs(folder))
    assert.matches(" %-%-no%-remove ", installs(folder)[1])
    local done = deps(folder, "build")
    assert.same({ 0, "", "" }, { done.code, done.out, done.err })
    assert.equal(1, #installs(folder))
  end)

  for name, installed in pairs { luajit = LUAJIT, luajit2 = LUAJIT2 } do
    it("do not contain LuaJIT when " .. name .. " is installed", function()
      local folder = system { have = "plain\n" .. installed }
      local done = deps(folder, "build")
      assert.same({ 0, "", "" }, { done.code, done.out, done.err })
      assert.same({}, installs(folder))
    end)
  end

  it("are those that go with an installed libluajit2, which stays", function()
    local folder = system { have = "libluajit2-5.1-2\n" }
    local done = deps(folder, "build")
    assert.equal(0, done.code, done.out .. done.err)
    for _, name in ipairs { "libluajit2-5.1-2", "luajit2", "libluajit2-5.1-dev" } do
      assert.is_true(has(folder, name), name)
    end
    assert.is_false(has(folder, "luajit"))
  end)

  it("are those that go with each other, where half of it is installed", function()
    local folder = system { have = "luajit2\nlibluajit2-5.1-2\n" }
    assert.equal(0, deps(folder, "build").code)
    assert.is_true(has(folder, "libluajit2-5.1-dev"))
    assert.is_true(has(folder, "luajit2"))
  end)

  it("are those that the release has", function()
    local folder = system { known = "plain\n" .. LUAJIT2, newer = "plain\n" .. LUAJIT2 }
    assert.equal(0, deps(folder, "build").code)
    assert.is_true(has(folder, "luajit2"))
  end)

  it("are looked up anew when the package lists are stale", function()
    local folder = system { known = "" }
    local done = deps(folder, "build")
    assert.equal(0, done.code, done.err)
    local line = "installing plain libluajit-5.1-dev luajit\n"
    assert.equal(line .. "updating the package lists\n" .. line, done.out)
  end)

  it("are not installed at the price of another package", function()
    local folder = system { have = "mine\n", conflicts = "plain mine\n" }
    local done = deps(folder, "build")
    assert.equal(1, done.code)
    assert.matches("Packages need to be removed", done.err)
    assert.matches("apt%-get install %-%-no%-remove plain libluajit%-5.1%-dev luajit\n$", done.err)
    assert.is_true(has(folder, "mine"))
    assert.is_false(has(folder, "plain"))
  end)
end)
