-- SPDX-License-Identifier: MIT
-- Queries that one `shoal run --dns` answers in a second by UDP on loopback, and what it would
-- answer if it had a core for itself: by the processor time that it used.
local process = require "spec.support.process"
local driver = require "bench.driver"

local SECONDS = 1

process.use(driver.build)

local folder = process.tempdir()
local script = process.write(folder .. "/service.lua", [[
return require("shoal.services").script { services = { web = { port = 8080, tags = { "v2" } } } }
]])
local member = process.start { process.shoal, "run", script, "--bind", "127.0.0.1:0", "--dns", "127.0.0.1:0",
  "--control", folder .. "/control.sock" }
member:wait_for("running", 5)
local port = assert(member:stderr():match("dns=127%.0%.0%.1:(%d+)"))

driver.run(function()
  local before = driver.cpu_of(member.pid)
  local pipe = assert(io.popen(driver.build .. ("/shoal-bench-dns ask %s %g"):format(port, SECONDS)))
  local rate = assert(pipe:read("*n"), "no answers")
  pipe:close()
  return rate, rate * SECONDS / (driver.cpu_of(member.pid) - before)
end)
process.cleanup()
