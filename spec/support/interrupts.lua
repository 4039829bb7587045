--- Ctrl-C and its kind, when it suits us.
--
-- A signal handler that raises (LuaJIT's own does) may do so between the making of
-- a folder and the noting of its name. So a program that has to clean up holds the
-- signals back, and asks at every wait whether one came. LuaJIT only.

local ffi = require "ffi"

ffi.cdef [[
  typedef struct { unsigned long bits[128 / sizeof(long)]; } interrupts_set;
  int sigemptyset(interrupts_set *);
  int sigaddset(interrupts_set *, int);
  int sigismember(const interrupts_set *, int);
  int sigpending(interrupts_set *);
  int sigprocmask(int, const interrupts_set *, interrupts_set *);
]]

local SIG_BLOCK, SIG_SETMASK = 0, 2
local NAMES = { [1] = "SIGHUP", [2] = "SIGINT", [15] = "SIGTERM" }

local interrupts = {}
local before

function interrupts.hold()
  local set = ffi.new "interrupts_set"
  ffi.C.sigemptyset(set)
  for number in pairs(NAMES) do
    ffi.C.sigaddset(set, number)
  end
  before = ffi.new "interrupts_set"
  assert(ffi.C.sigprocmask(SIG_BLOCK, set, before) == 0)
end

--- For a child, which inherits what is held back.
function interrupts.release()
  if before then
    ffi.C.sigprocmask(SIG_SETMASK, before, nil)
  end
end

--- The name of a signal that came since hold(), or nil.
function interrupts.came()
  local pending = ffi.new "interrupts_set"
  ffi.C.sigpending(pending)
  for number, name in pairs(NAMES) do
    if ffi.C.sigismember(pending, number) == 1 then
      return name
    end
  end
  return nil
end

return interrupts
