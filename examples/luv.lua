-- A node in a luv program, that is, in libuv's loop.
--
--     luajit examples/luv.lua [seed]
--
-- A poll handle watches the node's socket, a timer its timeout. The timer is set again
-- after each turn, because the turn may have changed the timeout.
local shoal = require "shoal"
local uv = require "luv"

local node = assert(shoal.start {
  join = { arg[1] },
  handlers = {
    on_member_up = function(_, member) print("up " .. member.addr) end,
    on_member_down = function(_, member) print("down " .. member.addr) end,
  },
})
io.stdout:setvbuf("line")
print("at " .. node:bound())

local poll, timer = uv.new_poll(node:fd()), uv.new_timer()

local function turn()
  shoal.step()
  if node:is_closed() then
    poll:close()
    timer:close()
    return
  end
  timer:start(math.ceil(node:timeout() * 1000), 0, turn)
end

poll:start("r", turn)
turn()

uv.new_timer():start(1000, 1000, function() print(node:num_members() .. " others") end)

-- A coroutine can wait for the cluster; turn() wakes it up.
coroutine.wrap(function()
  node:wait(function() return node:num_members() > 0 end)
  print "not alone"
end)()

local function stop()
  node:leave()
  node:close()
  uv.stop()
end

for _, name in ipairs { "sigint", "sigterm" } do uv.new_signal():start(name, stop) end

uv.run()
