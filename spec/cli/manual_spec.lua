--- The man page has the commands and the options that there are, and no others, and says of
-- them what --help says.

local files = require "spec.support.files"
local process = require "spec.support.process"

local COMMON = "Talking to a running member"

-- What follows each heading of a kind (".SH", ".SS"), by its name, to the next one.
local function sections(page, kind)
  local found, name = {}, nil
  for line in page:gmatch("[^\n]+") do
    local heading = line:match("^%.S[HS] (.*)$")
    if heading then
      name = line:find(kind, 1, true) == 1 and heading or nil
      found[name or ""] = ""
    elseif name then
      found[name] = found[name] .. line .. "\n"
    end
  end
  return found
end

-- What it says of "--bind HOST:PORT", whose line is .BI \\-\\-bind " HOST:PORT"
local function add_documented(options, section)
  local option
  for line in (section or ""):gmatch("[^\n]+") do
    local plain = line:gsub("\\%-", "-")
    local found = plain:match("^%.B[IR] (%-%-.*)$")
    if found then
      option = found:gsub('"', ""):gsub(" +", " ")
      options[option] = ""
    elseif line:match("^%.") then
      option = nil
    elseif option then
      options[option] = (options[option] .. " " .. plain):gsub("^ ", "")
    end
  end
  return options
end

-- What follows each "   --option ARGUMENT", or "   name", of a help text, as one line.
local function explained(help, pattern)
  local found, name = {}, nil
  for line in help:gmatch("[^\n]+") do
    local found_name, rest = line:match(pattern)
    if found_name then
      name = found_name
      found[name] = rest
    elseif name and line:match("^    ") then
      found[name] = found[name] .. " " .. line:match("^ *(.*)$")
    else
      name = nil
    end
    if name then
      found[name] = found[name]:gsub("^ +", "")
    end
  end
  return found
end

local function offered(command)
  local options = {}
  local help = process.cli(command, "--help").out
  for option, text in pairs(explained(help, "^   (%-%-%S+ ?%S*)(.*)$")) do
    options[option:gsub(" $", "")] = text
  end
  return options
end

describe("the man page", function()
  after_each(process.cleanup)

  local page = files.read("docs/shoal.1.in")
  local help = process.cli("--help").out:match("\nCommands:(.*)")
  local commands = {}
  for name in help:gmatch("\n   (%l+) ") do
    commands[#commands + 1] = name
  end

  it("lists the commands", function()
    local synopsis, described = {}, {}
    for name in sections(page, ".SH").SYNOPSIS:gmatch("%.B shoal (%l+)\n") do
      synopsis[#synopsis + 1] = name
    end
    for name in page:gmatch("\n%.SS shoal (%l+)\n") do
      described[#described + 1] = name
    end
    assert.is_true(#commands > 5)
    assert.same(commands, synopsis)
    assert.same(commands, described)
  end)

  it("says what each command does, in the words of --help", function()
    local described = sections(page, ".SS")
    for command, text in pairs(explained(help, "^   (%l+)(.*)$")) do
      assert.equal(text, described["shoal " .. command]:match("^([^\n]*)"))
    end
  end)

  for _, command in ipairs(commands) do
    it("lists the options of " .. command, function()
      local described, options = sections(page, ".SS"), offered(command)
      local documented = options["--timeout SECONDS"] and add_documented({}, described[COMMON]) or {}
      add_documented(documented, described["shoal " .. command]) -- it may say of a common one what it means there
      assert.same(options, documented)
    end)
  end
end)
