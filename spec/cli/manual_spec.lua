--- The man page has the commands and the options that there are, and no others.

local files = require "spec.support.files"
local process = require "spec.support.process"

local COMMON = "Asking a running member"

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

-- "--bind HOST:PORT" of ".BI \\-\\-bind \" HOST:PORT\"".
local function add_documented(options, section)
  for line in (section or ""):gmatch("[^\n]+") do
    local option = line:match("^%.B[IR] (\\%-\\%-.*)$")
    if option then
      options[option:gsub("\\%-", "-"):gsub('"', ""):gsub(" +", " ")] = true
    end
  end
  return options
end

local function offered(command)
  local options = {}
  for line in process.cli(command, "--help").out:gmatch("[^\n]+") do
    local option = line:match("^   (%-%-%S+ ?%S*)")
    if option then
      options[option:gsub(" $", "")] = true
    end
  end
  return options
end

describe("the man page", function()
  after_each(process.cleanup)

  local page = files.read("docs/shoal.1.in")
  local commands = {}
  for name in process.cli("--help").out:match("\nCommands:(.*)"):gmatch("\n   (%l+) ") do
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

  for _, command in ipairs(commands) do
    it("lists the options of " .. command, function()
      local described, options = sections(page, ".SS"), offered(command)
      local documented = add_documented({}, described["shoal " .. command])
      if options["--timeout SECONDS"] then
        add_documented(documented, described[COMMON])
      end
      assert.same(options, documented)
    end)
  end
end)
