-- A node in a program with a loop of its own over luasocket's select().
--
--     luajit examples/luasocket.lua [seed]
--
-- select() takes anything that has getfd(): the node's socket gets a wrapper.
local core = require "shoal.core"
local shoal = require "shoal"
local socket = require "socket"

local node = assert(shoal.start {
  join = { arg[1] },
  handlers = {
    on_member_up = function(_, member) print("up " .. member.addr) end,
    on_member_down = function(_, member) print("down " .. member.addr) end,
  },
})
io.stdout:setvbuf("line")
print("at " .. node:bound())

local members = { getfd = function() return node:fd() end }
local others = assert(socket.bind("127.0.0.1", 0)) -- a client gets the list of members
print("http " .. table.concat({ others:getsockname() }, ":", 1, 2))

local function answer(client)
  local lines = {}
  for i, member in ipairs(node:members()) do lines[i] = member.addr end
  client:send("HTTP/1.0 200 OK\r\n\r\n" .. table.concat(lines, "\n") .. "\n")
  client:close()
end

-- A coroutine can wait for the cluster; the loop below wakes it up.
coroutine.wrap(function()
  node:wait(function() return node:num_members() > 0 end)
  print "not alone"
end)()

-- Called in shoal.step(): leave, and end the loop below.
for _, name in ipairs { "INT", "TERM" } do
  core.signal(name, function()
    node:leave()
    node:close()
  end)
end

while not node:is_closed() do
  local readable = socket.select({ members, others }, nil, node:timeout())
  if readable[others] then
    answer(assert(others:accept()))
  end
  shoal.step()
end
