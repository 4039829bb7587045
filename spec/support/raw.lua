--- A MessagePack-RPC client that owes nothing to shoal's own: bytes on a Unix
--- socket, for specs.
--
--   local peer = raw.connect(path)
--   peer:write(raw.request(1, "members"))
--   peer:read()          -- the next message, decoded; nil when the other side closed

local core = require "shoal.core"
local poll = require "posix.poll"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"

-- Writing to a peer that has closed must be an error, not our end.
signal.signal(signal.SIGPIPE, signal.SIG_IGN)

local raw = {}

local Peer = {}
Peer.__index = Peer

function raw.request(id, method, params)
  return core.pack({ 0, id, method, params or {} })
end

function raw.connect(path)
  local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
  assert(socket.connect(fd, { family = socket.AF_UNIX, path = path }))
  return setmetatable({ fd = fd, buffer = "" }, Peer)
end

--- false when the other side has closed.
function Peer:write(bytes)
  while #bytes > 0 do
    local sent = socket.send(self.fd, bytes)
    if not sent then
      return false
    end
    bytes = bytes:sub(sent + 1)
  end
  return true
end

local function receive(self, seconds)
  if poll.rpoll(self.fd, math.floor(seconds * 1000)) ~= 1 then
    error("nothing was received within " .. seconds .. " s", 0)
  end
  return socket.recv(self.fd, 65536) or ""
end

--- The length of the first complete value in the buffer, or nil: by trying, since
--- a spec's messages are short.
local function complete(self)
  for size = 1, #self.buffer do
    local message = core.unpack(self.buffer:sub(1, size))
    if type(message) == "table" then
      return message, size
    end
  end
end

--- The next message, or nil at the end of the stream.
function Peer:read(seconds)
  while true do
    local message, size = complete(self)
    if message then
      self.buffer = self.buffer:sub(size + 1)
      return message
    end
    local bytes = receive(self, (seconds or 5) * wait.slowness)
    if bytes == "" then
      return nil
    end
    self.buffer = self.buffer .. bytes
  end
end

--- Waits for the end of the stream, whatever comes before it.
function Peer:read_end(seconds)
  repeat
    local bytes = receive(self, (seconds or 5) * wait.slowness)
  until bytes == ""
  return true
end

function Peer:close()
  unistd.close(self.fd)
end

return raw
