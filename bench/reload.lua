-- SPDX-License-Identifier: MIT
-- Hot reload of a script of 300 lines with five modules: milliseconds from the
-- call to the new version being in charge.
local shoal = require "shoal"
local driver = require "bench.driver"

local MODULES, FUNCTIONS = 5, 12

-- Four lines a function.
local function functions(prefix)
  local parts = {}
  for i = 1, FUNCTIONS do
    parts[i] = ("function M.%s%d(a, b)\n  local sum = (a or 0) + (b or %d)\n  return { sum = sum, name = '%s' }\nend\n")
      :format(prefix, i, i, prefix)
  end
  return "local M = {}\n" .. table.concat(parts) .. "return M\n"
end

local function script(version)
  local parts = { ("local M, VERSION = {}, %d\n"):format(version) }
  for i = 1, MODULES do
    parts[#parts + 1] = ("local part%d = require 'bench_part%d'\n"):format(i, i)
  end
  parts[#parts + 1] = "function M.on_start(node) node.store.version = VERSION end\n"
  parts[#parts + 1] = "function M.on_reload(node) node.store.version = VERSION end\n"
  for i = 1, MODULES do
    parts[#parts + 1] = ("function M.on_idle() part%d.f1(1, 2) end\n"):format(i)
  end
  return table.concat(parts) .. "return M\n"
end

local pipe = assert(io.popen("mktemp -d"))
local folder = assert(pipe:read("*l"))
pipe:close()
for i = 1, MODULES do
  driver.write(("%s/bench_part%d.lua"):format(folder, i), functions "f")
end
local path = folder .. "/service.lua"
local version = 1
driver.write(path, script(version))
local node = assert(shoal.start { bind = "127.0.0.1:0", log = false, handlers = path, watch = false })

driver.run(function()
  version = version + 1
  driver.write(path, script(version))
  local start = driver.now()
  assert(node:reload())
  local seconds = driver.now() - start
  assert(node.store.version == version, "the old version is in charge")
  return seconds * 1000
end)

node:close()
os.execute("rm -r " .. folder)
