-- SPDX-License-Identifier: MIT
--- How each system is started, spoken to and understood.
--
--   name, packages     what it is, and the Debian packages that it comes in
--   is_there()         is it installed?
--   prepare()          what has to be done once
--   version()          of the program that runs
--   member(port, seed) the command of one member; seed is "" or host:port
--   many(count)        the command of as many in one process, if there is such a thing
--   tell(port, data)   the command that makes a member broadcast; without it,
--                      a line on its stdin does
--   events(repetitions, ...) the command that prints how many member events a second
--                      go into a Lua handler, if it has such
--   hear(line)         what a line of a member says: "up", "down" or "got", and what
local programs = require "bench.peers.programs"

local MEMBERS = 32

local systems = {}

local function which(program)
  return os.execute(("command -v %s >/dev/null 2>&1"):format(program)) == 0
end

local function exists(path)
  return os.execute(("test -e %s"):format(path)) == 0
end

local function hear_plain(line)
  return line:match "^(%l+) (.+)$"
end

local function first_line(...)
  return (programs.run { ... }:match "^[^\n]*")
end

local function shoal(build, folder)
  local program, share, lib = build .. "/bin/shoal", build .. "/share/lua/5.1", build .. "/lib/lua/5.1"
  local function control(port)
    return ("%s/%d.sock"):format(folder, port)
  end
  local function lua(...)
    return { "env", ("LUA_PATH=%s/?.lua;%s/?/init.lua;./?.lua"):format(share, share),
      ("LUA_CPATH=%s/?.so"):format(lib), "luajit", ... }
  end
  return {
    name = "shoal", packages = "make build", hear = hear_plain,
    is_there = function() return exists(program) end,
    version = function() return first_line(program, "version"):match "%d[%w.+-]*" end,
    member = function(port, seed)
      local command = { program, "run", "bench/peers/shoal.lua", "--bind", "127.0.0.1:" .. port, "--control",
        control(port), "--cluster-size", tostring(MEMBERS), "--log-level", "warn" }
      if seed ~= "" then
        command[#command + 1], command[#command + 2] = "--join", seed
      end
      return command
    end,
    many = function(count) return lua("bench/peers/shoal_many.lua", tostring(count)) end,
    events = function(repetitions, ...) return lua("bench/event_lua.lua", build, tostring(repetitions), ...) end,
    tell = function(port, data) return { program, "broadcast", "--control", control(port), data } end,
  }
end

local function memberlist(build)
  local program = build .. "/peers-memberlist"
  local source = "/usr/share/gocode/src/github.com/hashicorp/memberlist"
  return {
    name = "memberlist", packages = "golang-go golang-github-hashicorp-memberlist-dev", hear = hear_plain,
    is_there = function() return which "go" and exists(source) end,
    prepare = function()
      -- There are no modules to look for: all of it is Debian's.
      local said = programs.run { "env", "GO111MODULE=off", "GOPATH=/usr/share/gocode", "GOFLAGS=", "go", "build", "-o",
        program, "bench/peers/memberlist.go" }
      assert(exists(program), said)
    end,
    version = function()
      return first_line("dpkg-query", "-W", "-f", "${Version}\n", "golang-github-hashicorp-memberlist-dev")
    end,
    member = function(port, seed) return { program, tostring(port), seed } end,
    many = function(count) return { program, "0", "", tostring(count) } end,
  }
end

local function serf()
  local rpc = {} -- a second port for each
  local function hear(line)
    local what, who = line:match "serf: EventMember(%a+): (%S+)"
    if what then
      return what == "Join" and "up" or "down", who
    end
    return "got", line:match "agent: Received event: user%-event: (.*)$"
  end
  return {
    name = "serf", packages = "serf", hear = hear,
    is_there = function() return which "serf" end,
    version = function() return first_line("dpkg-query", "-W", "-f", "${Version}\n", "serf") end,
    member = function(port, seed)
      rpc[port] = programs.free_port()
      local command = { "serf", "agent", "-node=127.0.0.1:" .. port, "-bind=127.0.0.1:" .. port,
        "-rpc-addr=127.0.0.1:" .. rpc[port], "-profile=lan" }
      command[#command + 1] = seed ~= "" and "-join=" .. seed or nil
      return command
    end,
    tell = function(port, data)
      return { "serf", "event", "-coalesce=false", "-rpc-addr=127.0.0.1:" .. rpc[port], data }
    end,
  }
end

local function tarantool()
  local function command(script, ...)
    return { "tarantool", ("bench/peers/%s.lua"):format(script), ... }
  end
  return {
    name = "tarantool swim", packages = "tarantool", hear = hear_plain,
    is_there = function() return which "tarantool" end,
    version = function() return first_line("tarantool", "--version"):match "[%d.]+" end,
    member = function(port, seed) return command("tarantool", tostring(port), seed) end,
    many = function(count) return command("tarantool", "0", "", tostring(count)) end,
    events = function(repetitions, ...) return command("events_tarantool", tostring(repetitions), ...) end,
  }
end

--- All of them. `folder` is one for sockets.
function systems.all(build, folder)
  return { shoal(build, folder), memberlist(build), serf(), tarantool() }
end

systems.members = MEMBERS

return systems
