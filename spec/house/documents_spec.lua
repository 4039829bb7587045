--- Every block of code in docs/embedding.md and README.md does what it says.

local files = require "spec.support.files"
local json = require "dkjson"
local markdown = require "spec.support.markdown"
local process = require "spec.support.process"

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

  for _, block in ipairs(markdown.blocks("docs/embedding.md", "lua")) do
    it("has a program in Lua at line " .. block.line, function()
      local path = process.write(process.tempdir() .. "/block.lua", block.text)
      local done = succeed { process.lua, path }
      assert.not_matches("error", done.err)
    end)
  end

  it("has a program in C that builds against an installed tree, in both ways", function()
    local prefix, folder = process.tempdir(), process.tempdir()
    succeed { "cmake", "--install", process.build, "--prefix", prefix }
    process.write(folder .. "/two.c", markdown.blocks("docs/embedding.md", "c")[1].text)
    process.write(folder .. "/CMakeLists.txt", markdown.blocks("docs/embedding.md", "cmake")[1].text)
    succeed { "cmake", "-S", folder, "-B", folder .. "/build", "-DCMAKE_PREFIX_PATH=" .. prefix,
      "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror" }
    succeed { "cmake", "--build", folder .. "/build" }
    local lib = files.output(("dirname $(find '%s' -name shoal.pc)"):format(prefix))[1]
    succeed { "sh", "-ec", markdown.blocks("docs/embedding.md", "sh")[1].text, cwd = folder,
      env = { PKG_CONFIG_PATH = lib } }
    for _, path in ipairs { folder .. "/build/two", folder .. "/two" } do
      local done = succeed { path }
      assert.matches("member_up a\n", done.out)
      assert.matches("member_up b\n", done.out)
      assert.matches("\n1 1\n$", done.out)
    end
  end)

  it("has no block of another kind", function()
    for _, block in ipairs(markdown.blocks "docs/embedding.md") do
      assert.is_truthy(("lua c cmake sh "):find(block.language .. " ", 1, true), "line " .. block.line)
    end
  end)
end)

describe("the document README.md", function()
  after_each(process.cleanup)

  it("begins with a script that loads", function()
    local scripts = markdown.blocks("README.md", "lua")
    assert.is_true(#scripts > 0)
    for _, block in ipairs(scripts) do
      succeed { process.shoal, "check", process.write(process.tempdir() .. "/script.lua", block.text) }
    end
  end)

  it("shows what its command draws (make picture), and describes it", function()
    local text = files.read("README.md"):gsub("%s+", " ")
    local arguments = text:match "%$ shoal sim ([^`]-) %-%-plot cluster%.svg"
    assert.is_truthy(files.read("Makefile"):find("\nPICTURE := " .. arguments .. "\n", 1, true))
    local drawn = process.tempdir() .. "/cluster.svg"
    local done = succeed { "sh", "-ec", '"$SHOAL" sim $ARGUMENTS --json --plot "$DRAWN"', cwd = files.root,
      env = { SHOAL = process.shoal, ARGUMENTS = arguments, DRAWN = drawn } }
    -- on another kind of processor a sum may end in another digit, and a run take another course
    if not (jit and jit.arch == "x64") then return end -- luacheck: std max
    assert.equal(files.read "docs/cluster.svg", process.read(drawn))
    local report = json.decode(done.out)
    assert.is_true(report.detection.last > 6 and report.detection.last <= 10)
    assert.equal(report.detection.expected, report.detection.noticed)
    assert.equal(1, math.floor(report.partition.healed_after))
    assert.equal(0, report.false_positives.renewals)
    assert.equal(50, report.published.reached)
    assert.is_true(report.published.delays[40] < 0.1)
    assert.is_true(report.published.p100 < 2)
    for _, sentence in ipairs {
      ("Five members crash at %d s, and within ten seconds every other member has declared them down.")
        :format(report.detection.at),
      ("splits in two at %d s and heals at %d s. One second later there is one cluster again, and no member had to "
        .. "take a new identity."):format(report.partition.from, report.partition.to),
      "a message on a topic. Four of five members receive it within 0.1 s; the others notice that they missed it, and "
        .. "have it within two seconds.",
    } do
      assert.is_truthy(text:find(sentence, 1, true), sentence)
    end
  end)

  it("compares with serf as docs/comparison.md does", function()
    local FRACTIONS = { half = 2, third = 3, quarter = 4, fifth = 5, tenth = 10, fifteenth = 15, twentieth = 20,
      thirtieth = 30 }
    local rows, columns = {}, {}
    for _, line in files.lines "docs/comparison.md" do
      local cells = {}
      for cell in line:gmatch "| ([^|]*)" do cells[#cells + 1] = cell:gsub("%s+$", "") end
      if not next(columns) and cells[2] then
        for i, cell in ipairs(cells) do columns[cell:match "^%S*"] = i end
      elseif cells[2] then
        rows[cells[1]] = cells
      end
    end
    local function check(fraction, row)
      local cells = rows[row]
      local times = cells[columns.serf] / cells[columns.shoal]
      for _, other in pairs(FRACTIONS) do
        assert.is_true(math.abs(times - FRACTIONS[fraction]) <= math.abs(times - other), row)
      end
    end
    local memory, time = files.read("README.md"):gsub("%s+", " ")
      :match "takes an? (%l+) of serf's memory and an? (%l+) of its CPU time"
    check(memory, "resident, MiB")
    check(time, "idle member of 32: CPU s/min")
  end)

  it("names targets of make and commands of shoal that there are", function()
    local makefile = files.read "Makefile"
    for _, block in ipairs(markdown.blocks "README.md") do
      for line in block.text:gmatch "[^\n]+" do
        local target = line:match "^make ([%w-]+)"
        local command = line:match "^%$? ?shoal (%l+)"
        assert.is_truthy(not target or makefile:find("\n" .. target .. ":", 1, true), line)
        if command then succeed { process.shoal, command, "--help" } end
      end
    end
  end)

  it("links to files that there are", function()
    local paths = files.find("docs/guides", "*.md")
    paths[#paths + 1], paths[#paths + 2] = "README.md", "docs/embedding.md"
    for _, path in ipairs(paths) do
      local folder = path:match "^(.*/)" or ""
      for target in files.read(path):gmatch "%]%(([^):#]+)%)" do
        succeed { "test", "-e", files.root .. "/" .. folder .. target }
      end
    end
  end)
end)
