--- Runs a page of docs/guides as a reader does: in an empty folder, with the built
-- `shoal` on the PATH, in one shell.
--
--   guide.run "docs/guides/one-job-per-cluster.md"
--
-- What a block of a page means:
--
--   ```sh         commands, which the shell runs one after the other
--   ```text       what the last command above shows. The command is run again until it
--                 does. `…` stands for any text, and a
--                 line of it for any lines. Times
--                 ("2026-11-23T10:34:39.413Z", "9s") and the number of spaces may differ
--   ```console    commands that a spec cannot run; with a `$ ` before each
--   any other     a file. The last line of text before it ends with its name and a
--                 colon: "Save this as `job.lua`:". If examples/ has a file of that name, the
--                 code is the same, but for comments
--
-- A page uses 127.0.0.1 and what ports it likes. It is run on a loopback address of
-- this process's own, so pages may run at the same time, and on other ports where its
-- own are not free.

local files = require "spec.support.files"
local markdown = require "spec.support.markdown"
local nginx = require "spec.support.nginx"
local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local stat = require "posix.sys.stat"
local wait = require "spec.support.wait"

local guide = {}

local SHOWN_WITHIN = 10 -- seconds
local PAUSE = 0.1       -- before a command is run again

-- ---- Addresses ----------------------------------------------------------------

local function is_free(host, port)
  local udp = assert(socket.udp())
  local tcp = assert(socket.tcp())
  tcp:setoption("reuseaddr", true)
  local free = udp:setsockname(host, port) and tcp:bind(host, port)
  udp:close()
  tcp:close()
  return free
end

-- What to add to all of these ports, so that they are free; they keep their order.
local function offset_of(host, ports)
  for offset = 0, 20000, 100 do
    local free = true
    for port in pairs(ports) do free = free and is_free(host, tonumber(port) + offset) end
    if free then return offset end
  end
  error("no free ports at " .. host)
end

--- For a page's text: two functions, from what it says to what is run, and back.
local function places(text)
  local host = node.own_address():match "^(.*):"
  local ports, back = {}, {}
  for port in text:gmatch "%f[%d]127%.0%.0%.1:(%d+)" do
    ports[port] = port ~= "0" and port or nil
  end
  local offset = offset_of(host, ports)
  for port in pairs(ports) do
    ports[port] = ("%d"):format(port + offset)
    back[ports[port]] = port
  end
  local function there(piece)
    return (piece:gsub("%f[%d]127%.0%.0%.1%f[^%d]", host):gsub("%f[%w.]%d+%f[^%w]", ports))
  end
  local function here(piece)
    return (piece:gsub("%f[%d]" .. host:gsub("%.", "%%.") .. "%f[^%d]", "127.0.0.1"):gsub("%f[%w]%d+%f[^%w]", back))
  end
  return there, here
end

-- ---- Output -------------------------------------------------------------------

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    line = line:gsub("%d+%-%d+%-%d+T[%d:.]+Z", "TIME"):gsub("%f[%w]%d+[smhd]%d*[smh]?%f[^%w]", "AGE")
    list[#list + 1] = line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  end
  return list
end

local function pattern_of(line)
  return "^" .. line:gsub("%p", "%%%0"):gsub("…", ".-") .. "$"
end

--- Do the lines from `i` on say what is shown from `j` on?
local function says(lines, i, shown, j)
  if not shown[j] then return not lines[i] end
  if shown[j] == "…" then
    for after = i, #lines + 1 do
      if says(lines, after, shown, j + 1) then return true end
    end
    return false
  end
  return lines[i] ~= nil and lines[i]:match(pattern_of(shown[j])) ~= nil and says(lines, i + 1, shown, j + 1)
end

function guide.shows(output, shown)
  return says(lines_of(output), 1, lines_of(shown), 1)
end

-- ---- The shell ------------------------------------------------------------------

-- Reads names of files from a pipe, and runs what is in them. What a command leaves
-- running has its output where the page sends it. `luajit` is the Lua of this build.
local SHELL = [[
exec 3<"$GUIDE/pipe"
luajit() { "$GUIDE_LUA" "$@"; }
while read -r file <&3; do
  . "$file" >"$file.out" 2>&1 3<&-
  echo $? >"$file.part" && mv "$file.part" "$file.code"
done
]]

local Shell = {}
Shell.__index = Shell

local function shell(needs_nginx)
  local folder, cwd = process.tempdir(), process.tempdir()
  assert(stat.mkfifo(folder .. "/pipe"))
  assert(stat.mkdir(folder .. "/run", tonumber("700", 8)))
  assert(stat.mkdir(folder .. "/bin", tonumber("700", 8)))
  if needs_nginx then nginx.program(folder .. "/bin") end
  assert(stat.chmod(cwd, tonumber("755", 8))) -- what root starts may become somebody else
  local self = setmetatable({ folder = folder, cwd = cwd, count = 0 }, Shell)
  self.process = process.start { "sh", "-c", SHELL, cwd = cwd, env = {
    GUIDE = folder,
    GUIDE_LUA = process.lua,
    HOME = cwd,
    PATH = folder .. "/bin:" .. process.build .. "/bin:" .. os.getenv "PATH" .. ":/usr/sbin:/sbin",
    XDG_RUNTIME_DIR = folder .. "/run",
  } }
  self.pipe = assert(io.open(folder .. "/pipe", "r+")) -- "w" would wait for the shell
  self.pipe:setvbuf "no"
  return self
end

--- Its output, and its exit code.
function Shell:run(command)
  self.count = self.count + 1
  local file = ("%s/%d.sh"):format(self.folder, self.count)
  process.write(file, command)
  assert(self.pipe:write(file, "\n"))
  local code = wait.for_that(function()
    assert(not self.process:ended(), self.process:stderr())
    return process.read(file .. ".code"), process.read(file .. ".out")
  end, 60, ("end of `%s`"):format(command))
  return process.read(file .. ".out"), tonumber(code)
end

function Shell:close()
  local complaint = self:run "grep -rhE 'Sanitizer: |runtime error: ' . || true" -- in logs
  self.pipe:close()
  self.process:kill() -- and all that it has started
  assert(complaint == "", complaint)
end

--- The commands of a block: a line, or several where the shell wants more.
function guide.commands(text)
  local list, command = {}, ""
  for line in text:gmatch "([^\n]*)\n" do
    command = command .. line .. "\n"
    local complete = not line:find "\\$" and process.run({ "sh", "-n", "-c", command }).code == 0
    if complete then
      if command:find "%S" and not command:find "^%s*#[^\n]*\n$" then list[#list + 1] = command end
      command = ""
    end
  end
  assert(command == "", "not complete: " .. command)
  return list
end

-- ---- A page ---------------------------------------------------------------------

local OUTSIDE = { sudo = true, kubectl = true, docker = true, make = true, git = true }

local function check_console(block, where)
  for line in block.text:gmatch "[^\n]+" do
    local program = line:match "^%$ (%S+)"
    assert(not program or OUTSIDE[program], where .. ": a spec can run this")
  end
end

local function code_of(text)
  return (text:gsub("\n%s*%-%-[^\n]*", "\n"):gsub("^%s*%-%-[^\n]*", ""):gsub("\n%s*\n+", "\n"):gsub("^%s+", ""))
end

local function check_example(name, text, where)
  if files.exists("examples/" .. name) and name:find "%.lua$" then
    local example = code_of(files.read("examples/" .. name))
    assert(code_of(text) == example, where .. ": not the code of examples/" .. name)
  end
end

-- Not everybody may, in every container.
local function may_unshare()
  return process.run({ "unshare", "--map-root-user", "--net", "--mount", "true" }).code == 0
end

--- Why a page cannot be run here, or nil.
function guide.obstacle(path)
  local text = files.read(path)
  if files.sanitized and text:find "%f[%w]luajit " then
    return "an interpreter without the sanitizer cannot load the module"
  elseif text:find "\nunshare " and not may_unshare() then
    return "no namespaces for users here"
  end
end

--- Runs the page. An error names the line of the page.
function guide.run(path)
  local text = files.read(path)
  local there, here = places(text)
  local sh, last = shell(text:find("\nnginx ", 1, true)), nil
  local function write(block, where)
    local name = block.before:match "`([^`]+)`[^`]*:$"
    assert(name and not name:find "^[/.]", where .. ": the line before has no name of a file")
    check_example(name, block.text, where)
    assert(sh:run(("mkdir -p \"$(dirname '%s')\""):format(name)))
    process.write(sh.cwd .. "/" .. name, there(block.text))
  end
  local function run(block, where)
    for _, command in ipairs(guide.commands(block.text)) do
      if last then assert(last.code == 0, ("%s\n%s: exit code %d"):format(last.output, last.where, last.code)) end
      local output, code = sh:run(there(command))
      last = { command = command, output = here(output), code = code, where = where .. ": " .. command }
    end
  end
  local function compare(block, where)
    assert(last, where .. ": the output of what?")
    wait.for_that(function()
      if guide.shows(last.output, block.text) then return true end
      wait.pass(PAUSE)
      last.output = here((sh:run(there(last.command))))
      return false, last.output
    end, SHOWN_WITHIN, where .. ": such output")
    last.code = 0
  end
  for _, block in ipairs(markdown.blocks(path)) do
    local where = ("%s:%d"):format(path, block.line)
    if block.language == "sh" then run(block, where)
    elseif block.language == "text" then compare(block, where)
    elseif block.language == "console" then check_console(block, where)
    else write(block, where) end
  end
  if last then assert(last.code == 0, ("%s\n%s: exit code %d"):format(last.output, last.where, last.code)) end
  sh:close()
end

return guide
