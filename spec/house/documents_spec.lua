--- Every block of code in docs/embedding.md and README.md does what it says.

local files = require "spec.support.files"
local process = require "spec.support.process"

--- The blocks of a document: { language=, text=, line= }.
local function blocks(path)
  local found, block = {}, nil
  for number, line in files.lines(path) do
    local language = line:match "^```(.*)$"
    if language and not block then
      block = { language = language, line = number, text = "" }
    elseif language then
      found[#found + 1], block = block, nil
    elseif block then
      block.text = block.text .. line .. "\n"
    end
  end
  assert(not block, path .. ": a block without an end")
  return found
end

local function only(path, language)
  local list = {}
  for _, block in ipairs(blocks(path)) do
    if block.language == language then list[#list + 1] = block end
  end
  return list
end

local function succeed(options)
  options.seconds = options.seconds or 60
  local done = process.run(options)
  assert.equal(0, done.code, done.out .. done.err)
  return done
end

describe("the document docs/embedding.md", function()
  after_each(process.cleanup)

  if files.sanitized then
    pending "an interpreter without the sanitizer cannot load the module"
    return
  end

  for _, block in ipairs(only("docs/embedding.md", "lua")) do
    it("has a program in Lua at line " .. block.line, function()
      local path = process.write(process.tempdir() .. "/block.lua", block.text)
      local done = succeed { process.lua, path }
      assert.not_matches("error", done.err)
    end)
  end

  it("has a program in C that builds against an installed tree, in both ways", function()
    local prefix, folder = process.tempdir(), process.tempdir()
    succeed { "cmake", "--install", process.build, "--prefix", prefix }
    process.write(folder .. "/two.c", only("docs/embedding.md", "c")[1].text)
    process.write(folder .. "/CMakeLists.txt", only("docs/embedding.md", "cmake")[1].text)
    succeed { "cmake", "-S", folder, "-B", folder .. "/build", "-DCMAKE_PREFIX_PATH=" .. prefix,
      "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror" }
    succeed { "cmake", "--build", folder .. "/build" }
    local lib = files.output(("dirname $(find '%s' -name shoal.pc)"):format(prefix))[1]
    succeed { "sh", "-ec", only("docs/embedding.md", "sh")[1].text, cwd = folder, env = { PKG_CONFIG_PATH = lib } }
    for _, path in ipairs { folder .. "/build/two", folder .. "/two" } do
      local done = succeed { path }
      assert.matches("member_up a\n", done.out)
      assert.matches("member_up b\n", done.out)
      assert.matches("\n1 1\n$", done.out)
    end
  end)

  it("has no block of another kind", function()
    for _, block in ipairs(blocks "docs/embedding.md") do
      assert.is_truthy(("lua c cmake sh "):find(block.language .. " ", 1, true), "line " .. block.line)
    end
  end)
end)

describe("the document README.md", function()
  after_each(process.cleanup)

  it("begins with a script that loads", function()
    local scripts = only("README.md", "lua")
    assert.is_true(#scripts > 0)
    for _, block in ipairs(scripts) do
      succeed { process.shoal, "check", process.write(process.tempdir() .. "/script.lua", block.text) }
    end
  end)

  it("shows what its command draws (make picture)", function()
    local arguments = files.read("README.md"):match "\n%$ shoal sim ([^\n]*) %-%-plot cluster%.svg\n"
    assert.is_truthy(files.read("Makefile"):find("\nPICTURE := " .. arguments .. "\n", 1, true))
    local drawn = process.tempdir() .. "/cluster.svg"
    succeed { "sh", "-ec", '"$SHOAL" sim $ARGUMENTS --plot "$DRAWN"', cwd = files.root,
      env = { SHOAL = process.shoal, ARGUMENTS = arguments, DRAWN = drawn } }
    -- on another kind of processor a sum may end in another digit, and a run take another course
    if jit and jit.arch == "x64" then -- luacheck: std max
      assert.equal(files.read "docs/cluster.svg", process.read(drawn))
    end
  end)

  it("names targets of make and commands of shoal that there are", function()
    local makefile = files.read "Makefile"
    for _, block in ipairs(blocks "README.md") do
      for line in block.text:gmatch "[^\n]+" do
        local target = line:match "^make ([%w-]+)"
        local command = line:match "^%$? ?shoal (%l+)"
        assert.is_truthy(not target or makefile:find("\n" .. target .. ":", 1, true), line)
        if command then succeed { process.shoal, command, "--help" } end
      end
    end
  end)

  it("links to files that there are", function()
    for _, path in ipairs { "README.md", "docs/embedding.md" } do
      local folder = path:match "^(.*/)" or ""
      for target in files.read(path):gmatch "%]%(([^):#]+)%)" do
        succeed { "test", "-e", files.root .. "/" .. folder .. target }
      end
    end
  end)
end)
