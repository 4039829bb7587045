--- `make rotation COUNT=64`: real members get another key while some of them publish. Three are
-- ended before they have the new key (by a signal that they obey, and twice by one that they
-- cannot), and come back with the old key when all others use the new one; one of them has a memory
-- on disk. Ends with 1 if anything went wrong (docs/security.md).
--
--   luajit spec/soak/rotation.lua [COUNT]

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local COUNT = tonumber(arg[1] or 64)
local PUBLISHERS, AWAY = 3, 3 -- the first ones publish, the last ones are away
local WITHIN = 10 -- seconds from the last return until all use the new key
process.use(os.getenv("SHOAL_BUILD") or "build")

-- Ten messages a second from each that publishes; what is heard is counted by publisher.
local SCRIPT = [[
local heard, missed, published, timer = {}, 0, 0, nil
return {
  on_published = function(_, _, data) heard[data.from] = (heard[data.from] or 0) + 1 end,
  on_missed = function() missed = missed + 1 end,
  commands = {
    publish = { run = function(node)
      timer = node:every(0.1, function()
        if node:publish("load", { from = node:bound() }) then published = published + 1 end
      end)
    end },
    stop = { run = function() timer:cancel() return published end },
    heard = { run = function() return { heard = heard, missed = missed } end },
  },
}
]]

local failed = false

local function check(is_so, ...)
  if is_so then return end
  failed = true
  print("FAILED: " .. string.format(...))
end

local function say(...)
  print(string.format(...))
  io.stdout:flush()
end

-- ---- Members ----------------------------------------------------------------

local folder = process.tempdir()
local script = process.write(folder .. "/script.lua", SCRIPT)
local key_file = folder .. "/key"
assert(process.cli("keygen", key_file).code == 0)

local function launch(i, bind, seed)
  -- at debug the log has a line for each member, however many come at once
  local args = { "--key-file", key_file, "--log-level", "info,engine=debug" }
  if i == COUNT then
    args[#args + 1], args[#args + 2] = "--data-dir", folder .. "/memory"
  end
  return node.launch { script = script, config = "lan", bind = bind, join = { seed }, args = args }
end

local function ready(member)
  member.addr = member.process:wait_for("started.-bind=(%S+)", 60)
  member.process:wait_for("running control=", 60)
  return member
end

local function gather()
  local members = {}
  members[1] = ready(launch(1, node.own_address()))
  for i = 2, COUNT do members[i] = launch(i, node.own_address(), members[1]) end
  for i = 2, COUNT do ready(members[i]) end
  wait.for_that(function()
    for _, member in ipairs(members) do
      if select(2, member:log():gsub("member up addr=", "")) < COUNT - 1 then return false end
    end
    return true
  end, 60, "cluster")
  return members
end

-- Is the newest key that it uses that one?
local function uses(member, id)
  return member:log():match(".*a new key of the cluster is used key=(%x+)") == id
end

local function all_use(members, id, from, to)
  for i = from, to do
    if not uses(members[i], id) then return false, members[i].addr end
  end
  return true
end

-- ---- The rotation -----------------------------------------------------------

local function leave_for_a_while(members)
  for i = COUNT - AWAY + 1, COUNT do
    members[i]:signal(i == COUNT - 1 and "TERM" or "KILL")
  end
  for i = COUNT - AWAY + 1, COUNT do members[i]:wait(20) end
end

local function come_back(members)
  local again = {}
  for i = COUNT - AWAY + 1, COUNT do again[i] = launch(i, members[i].addr, members[1]) end
  for i = COUNT - AWAY + 1, COUNT do ready(again[i]) end
  return again
end

-- Who of those that stayed was declared down, by anybody.
local function wrongly_down(members, away)
  local list = {}
  for _, member in ipairs(members) do
    for addr in member:log():gmatch "member down addr=(%S+)" do
      if not away[addr] then list[#list + 1] = addr end
    end
  end
  return list
end

local function refused(members, from, to)
  local total = 0
  for i = from, to do total = total + members[i]:info().drops.foreign_key end
  return total
end

local function stop_publishing(members)
  local published, total = {}, 0
  for i = 1, PUBLISHERS do
    local number = assert(members[i]:try("call", "stop"))
    published[members[i].addr] = number
    total = total + number
  end
  return published, total
end

-- Those that were there all the time have all of it.
local function lost(members, published, stayed)
  local total = 0
  for i = 1, stayed do
    local answer = assert(members[i]:try("call", "heard"))
    for addr, number in pairs(published) do
      total = total + number - (answer.heard[addr] or 0)
    end
    check(answer.missed == 0, "%s was told that it missed something", members[i].addr)
  end
  return total
end

local function run()
  local stayed = COUNT - AWAY
  local members = gather()
  local away = {}
  for i = stayed + 1, COUNT do away[members[i].addr] = true end
  say("%d members", COUNT)
  for i = 1, PUBLISHERS do assert(members[i]:ask("call", "publish").code == 0) end
  local start = wait.now()
  local command = process.start { process.shoal, "keys", "rotate", "--control", members[2].control, "--wait", "120" }
  leave_for_a_while(members)
  local code = command:wait(180)
  check(code == 0, "keys rotate: %s", command:stderr())
  local id = assert(command:stdout():match "^key (%x+) is used by all members", command:stderr())
  say("%.1f s: the %d that stayed use the new key; three were ended meanwhile", wait.now() - start, stayed)
  local again = come_back(members)
  local returned = wait.now()
  for i = stayed + 1, COUNT do members[i] = again[i] end
  wait.for_that(function() return all_use(members, id, 1, COUNT) end, 60, "use of the new key by all")
  local took = wait.now() - returned
  say("%.1f s after the last one was back: all %d use it", took, COUNT)
  check(took < WITHIN, "it took longer than %d s", WITHIN)
  for _, i in ipairs { 1, COUNT } do
    wait.for_that(function() return members[i]:info().counts.alive == COUNT - 1 end, 60, "cluster")
  end
  local published, total = stop_publishing(members)
  wait.pass(5) -- for what is still under way
  local downs, gone = wrongly_down(members, away), lost(members, published, stayed)
  check(#downs == 0, "declared down: %s", table.concat(downs, ", "))
  check(gone == 0, "%d of %d messages were lost", gone, total * stayed)
  local foreign, theirs = refused(members, 1, stayed), refused(members, stayed + 1, COUNT)
  check(foreign == 0, "members that stayed refused %d packets", foreign)
  say("%d messages to %d members: %d lost; declared down without cause: %d", total, stayed, gone, #downs)
  say("refused for their key: %d packets by those that stayed, %d by those that came back with the old one",
    foreign, theirs)
end

process.main(function()
  run()
  return not failed
end)
