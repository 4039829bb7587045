--- What busted runs before the specs (--helper).

-- SHOAL_GC: a collector that never rests and visits ten bytes for every byte that
-- is allocated, so that an object that nobody holds does not live on by luck.
-- (One that finishes in every step collects at every allocation, and is a
-- hundred times slower.)
if os.getenv("SHOAL_GC") then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end

-- The sanitizer's runtime was preloaded for this interpreter. The programs that
-- specs start are none of its business, or bring it themselves; other interpreters
-- that load the module get it back (process.preload).
if os.getenv("LD_PRELOAD") then
  local stdlib = require "posix.stdlib"
  stdlib.setenv("SHOAL_PRELOAD", os.getenv("LD_PRELOAD"))
  stdlib.setenv("LD_PRELOAD", nil)
end

-- Leaks are looked for at the very end, when Lua has unloaded the module: the
-- stacks would have no names, and what libev keeps for the process's life would
-- have lost its owner. So the module stays.
local has_ffi, ffi = pcall(require, "ffi")
if has_ffi and (os.getenv("SHOAL_SANITIZERS") or "") ~= "" then
  local RTLD_NOW, RTLD_NODELETE = 2, 0x1000
  local path = package.searchpath("shoal.core", package.cpath) -- luacheck: std luajit
  ffi.cdef "void *dlopen(const char *, int);"
  assert(path and ffi.C.dlopen(path, RTLD_NOW + RTLD_NODELETE) ~= nil, "no sanitized module")
end
