--- A member's disk that fails, and a member that is killed, at each of the system calls with which
--- it reads and writes its memory on disk. strace(1) makes them fail. What is there afterwards
--- must be the old state or the new one, and the next life must go on from it.
--
--   for _, case in ipairs(disk.cases()) do print(case.name, disk.try(case)) end
--
-- The member has an identity that never changes, so that the versions of its tags and the numbers
-- of its topics have to go on, and a script whose store has the same number twice.

local stat = require "posix.sys.stat"
local node = require "spec.support.node"
local process = require "spec.support.process"
local signal = require "posix.signal"
local wait = require "spec.support.wait"

local disk = { faults = { "error=EIO", "error=ENOSPC", "error=EROFS", "error=EDQUOT", "signal=KILL" } }

local SCRIPT = [[
return {
  persist = true,
  identity = { new = function(options) return { addr = options.advertise, bump = 1 } end },
  commands = {
    look = { run = function(node) return { n = node.store.n or 0, m = node.store.m or 0 } end },
    set = { args = { { "n", type = "number" } }, run = function(node, args)
      node.store.n, node.store.m = args.n, args.n
      node:set_tags { n = args.n }
      return node:publish("numbers", args.n)
    end },
  },
}
]]

--- Why it cannot be tried here, or nil.
function disk.problem()
  local ok, answer = pcall(process.run, { "strace", "-f", "-qq", "-e", "inject=fsync:error=EIO:when=1", "true" })
  if not ok or answer.code == 127 then return "there is no strace" end
  return answer.code ~= 0 and "strace is not permitted: " .. answer.err or nil
end

-- ---- The file (src/disk/snapshot.h) -----------------------------------------

local function number(bytes, from, to)
  local value = 0
  for i = from, to do value = value * 256 + bytes:byte(i) end
  return value
end

--- What is in it of the member itself; nil: it is not there, or not whole.
local function parse(bytes)
  if not bytes or bytes:sub(1, 8) ~= "SHOALMEM" or number(bytes, 11, 14) ~= #bytes - 14 - 8 then return nil end
  local state, at = { topic = 0, bytes = bytes }, 15
  while at <= #bytes - 8 do
    local kind, size = bytes:byte(at), number(bytes, at + 1, at + 4)
    local from = at + 5
    if kind == 2 then
      state.tags = number(bytes, from + 10, from + 13) -- the counting half of the version
      state.incarnation = number(bytes, from + 16, from + 17)
      state.id = bytes:sub(from + 18, from + size - 1)
    elseif kind == 3 then
      state.topic = number(bytes, from, from + 7)
    end
    at = from + size
  end
  return state
end

local function memory(folder) return parse(process.read(folder .. "/memory")) end

-- ---- A life -----------------------------------------------------------------

local function launch(folder, addr, within)
  return node.launch {
    source = SCRIPT, bind = addr, within = within,
    args = { "--data-dir", folder, "--snapshot-every", "0.05" },
    env = { ASAN_OPTIONS = "detect_leaks=0" }, -- whose search wants to trace, too
  }
end

-- It runs, or has ended.
local function runs(member)
  return wait.for_that(function()
    return member.process:ended() ~= nil and "ended" or member:log():match "running control="
  end, 20, "start") ~= "ended"
end

local function set(member, value)
  local answer = member:ask("call", "set", tostring(value))
  return answer.code == 0 and tonumber(answer.out) or nil
end

local function info_of(member, is_so, what)
  return wait.for_that(function()
    if member.process:ended() then return "ended" end
    local info = member:try "info"
    return info and (not info.memory or is_so(info.memory)) and "so"
  end, 20, what) == "so"
end

local function is_saved(written)
  return function(now) return now.written > written and not now.error end
end

-- ---- The tracer -------------------------------------------------------------

-- A tracer counts for each thread, and each time the memory is written that is another one: a fault
-- lasts until the tracer is told to go.
local function tracing(folder, case)
  local words = { "strace", "-f", "-qq", "-I2", "-o", folder .. ".trace" }
  for _, name in ipairs { "", "/memory", "/memory.new" } do
    words[#words + 1] = "-P"
    words[#words + 1] = folder .. name
  end
  if not case then return words end
  for _, word in ipairs { "trace=" .. case.call, ("inject=%s:%s:when=%d"):format(case.call, case.fault, case.when) } do
    words[#words + 1] = "-e"
    words[#words + 1] = word
  end
  return words
end

local function tracer(pid)
  return tonumber((process.read(("/proc/%d/status"):format(pid)) or ""):match "TracerPid:%s+(%d+)") or 0
end

local function attach(member, folder, case)
  local words = tracing(folder, case)
  words[#words + 1], words[#words + 2] = "-p", tostring(member.process.pid)
  local strace = process.start(words)
  wait.for_that(function() return tracer(member.process.pid) ~= 0, strace:stderr() end, 20, "tracer")
end

local function detach(member)
  local pid = member.process.pid
  local its = tracer(pid)
  if its == 0 then return end
  signal.kill(its, signal.SIGTERM)
  wait.for_that(function() return tracer(pid) == 0 end, 20, "end of the tracer")
end

local function trace_of(folder)
  return process.read(folder .. ".trace") or ""
end

-- ---- The phases of a life in which something fails --------------------------

-- Each gets the member's life so far: { member=, folder=, case= }, and adds what it has published
-- and whether that is on the disk for certain.
local phases = {}

local function say_two(life)
  life.published = set(life.member, 2)
end

local function leave(life)
  life.member:ask "leave"
  life.member:wait(20)
end

-- From its first breath.
function phases.start(life, addr)
  local within = tracing(life.folder, life.case)
  table.insert(within, 2, "-D") -- the member is our child, and the tracer its own
  life.member = launch(life.folder, addr, within)
  if not runs(life.member) then return end
  detach(life.member)
  say_two(life)
  info_of(life.member, is_saved(1), "a state on the disk")
  leave(life)
end

local function started(life, addr)
  life.member = launch(life.folder, addr)
  assert(runs(life.member), life.member:log())
  assert(info_of(life.member, is_saved(0), "the first state on the disk"))
end

-- While it writes what has changed.
function phases.change(life, addr)
  started(life, addr)
  life.old = memory(life.folder)
  attach(life.member, life.folder, life.case)
  say_two(life)
  local function is_noticed(now) return now.failed > 0 or is_saved(1)(now) end
  if not info_of(life.member, is_noticed, "a failure") then return end
  detach(life.member)
  life.saved = info_of(life.member, is_saved(1), "a state on the disk")
  leave(life)
end

-- While it writes its last state.
phases["end"] = function(life, addr)
  started(life, addr)
  say_two(life)
  life.saved = info_of(life.member, is_saved(1), "a state on the disk")
  life.old = memory(life.folder)
  attach(life.member, life.folder, life.case)
  leave(life)
end

-- The state that all begin with, and where its member lives.
local function first_life()
  local folder = process.tempdir()
  local member = launch(folder, node.own_address())
  assert(runs(member), member:log())
  local addr = member:info().addr
  local published = assert(set(member, 1))
  assert(member:ask("leave").code == 0 and member:wait(20) == 0)
  return { addr = addr, published = published, state = assert(memory(folder)) }
end

local first

local function old_state()
  first = first or first_life()
  local folder = process.tempdir() .. "/of"
  assert(stat.mkdir(folder, tonumber("700", 8)))
  process.write(folder .. "/memory", first.state.bytes)
  assert(stat.chmod(folder .. "/memory", tonumber("600", 8)))
  return first, folder
end

-- ---- Cases ------------------------------------------------------------------

-- The calls of one phase. At the start those of the first thread, which reads.
local function add_calls(cases, phase)
  local old, folder = old_state()
  local life = { folder = folder }
  phases[phase](life, old.addr)
  assert(life.member.process.code == 0, life.member:log())
  local seen, added, first_thread = {}, {}, nil
  for thread, call in ("\n" .. trace_of(folder)):gmatch "\n(%d+) +(%l%w*)%(" do
    local key = thread .. call
    first_thread = first_thread or thread
    seen[key] = (seen[key] or 0) + 1
    local name = ("%s, %s %d"):format(phase, call, seen[key])
    if not added[name] and (phase ~= "start" or thread == first_thread) then
      added[name] = true
      for _, fault in ipairs(disk.faults) do
        cases[#cases + 1] = { phase = phase, call = call, when = seen[key], fault = fault,
          name = name .. " " .. fault }
      end
    end
  end
end

--- Each call of a life in which all goes well, with each fault: { name=, phase=, call=, when=, fault= }.
function disk.cases()
  local cases = {}
  for _, phase in ipairs { "start", "change", "end" } do add_calls(cases, phase) end
  process.cleanup()
  return cases
end

-- ---- Judging ----------------------------------------------------------------

local WARNINGS = { "cannot write the memory on disk", "cannot use the memory on disk",
  "the memory on disk was set aside" }
-- These fail without harm: the folder is there, the lock is for operators who err, and what was
-- read is read.
local HARMLESS = { mkdir = true, mkdirat = true, flock = true, close = true }

local function warned(log)
  for _, warning in ipairs(WARNINGS) do
    if log:find(warning, 1, true) then return true end
  end
  return false
end

local function judge_life(life, log)
  local code, case = life.member.process.code, life.case
  if case.fault == "signal=KILL" then
    assert(code == "KILL", ("ended with %s"):format(code))
    return
  end
  assert(trace_of(life.folder):find("(INJECTED)", 1, true), "nothing failed")
  if code == 0 then
    assert(warned(log) or HARMLESS[case.call], "no warning")
  else
    assert(code == 1 and log:match "shoal: [^\n]+", "it neither lived on nor said why not")
    assert(not log:find("running control=", 1, true), "it ended in the middle")
  end
end

--- "old", "new" or "aside", and what is there.
local function judge_file(life, log)
  local old, now = life.old, memory(life.folder)
  local aside = process.read(life.folder .. "/memory.aside")
  if aside then
    assert(log:find("was set aside", 1, true) and aside == old.bytes, "what was set aside is not the old state")
    return "aside", now
  end
  assert(now, "there is neither the old state nor the new one")
  if now.bytes == old.bytes then return "old", now end
  for _, field in ipairs { "tags", "incarnation", "topic" } do
    assert(now[field] >= old[field], field .. " went back")
  end
  assert(now.id == old.id, "it is somebody else")
  return "new", now
end

local function judge_next(life, addr, before, most)
  local member = launch(life.folder, addr)
  assert(runs(member), "the next life does not start: " .. member:log())
  local store = assert(member:try("call", "look"))
  local number_now = assert(set(member, 3))
  assert(member:ask("leave").code == 0 and member:wait(20) == 0)
  assert(not warned(member:log()), "the next life warns: " .. member:log())
  local after = assert(memory(life.folder), "the next life left nothing")
  assert(store.n == store.m and (store.n == 1 or store.n == 2), ("the store has %s and %s"):format(store.n, store.m))
  assert(not life.saved or store.n == 2, "what was on the disk is lost")
  assert(number_now > most, "a number is used twice")
  assert(after.id == before.id and after.tags >= before.tags, "it is not the same one")
end

local function run(case)
  local old, folder = old_state()
  local life = { folder = folder, case = case, old = old.state }
  phases[case.phase](life, old.addr)
  local log = life.member:log()
  judge_life(life, log)
  local what, now = judge_file(life, log)
  if what ~= "aside" then
    judge_next(life, old.addr, now, math.max(old.published, life.published or 0))
  end
  return what
end

--- "old", "new" or "aside" (it could not be read, and was kept); nil and what is wrong.
function disk.try(case)
  local ok, answer = pcall(run, case)
  process.cleanup()
  if ok then return answer end
  return nil, answer
end

return disk
