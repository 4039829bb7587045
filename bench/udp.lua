-- SPDX-License-Identifier: MIT
-- Pings that one `shoal run` answers in a second over a real UDP socket on
-- loopback, then datagrams that a bare echo in C answers, side by side.
local process = require "spec.support.process"
local driver = require "bench.driver"

local SECONDS = 1

process.use(driver.build)
local program = driver.build .. "/shoal-bench-udp"

local function ask(how, port)
  local pipe = assert(io.popen(("%s %s %s %g"):format(program, how, port, SECONDS)))
  local rate = assert(pipe:read("*n"), "no answers")
  pipe:close()
  return rate
end

local script = process.tempdir() .. "/empty.lua"
process.write(script, "return {}\n")
-- the one that asks is no member, and shows nothing
local member = process.start { process.shoal, "run", script, "--bind", "127.0.0.1:0", "--set", "check_strangers=false" }
local echo = process.start { program, "echo" }
member:wait_for("started", 5)
echo:wait_for("127%.0%.0%.1:%d+", 5, "stdout")
local member_port = assert(member:stderr():match("127%.0%.0%.1:(%d+)"))
local echo_port = assert(echo:stdout():match(":(%d+)"))

driver.run(function()
  return ask("ping", member_port), ask("datagrams", echo_port)
end)
process.cleanup()
