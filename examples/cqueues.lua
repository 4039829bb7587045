-- A node in a cqueues program: a node is something that cqueues.poll() can wait for.
--
--     luajit examples/cqueues.lua [seed]
--
-- One coroutine drives the node; the others do the work of the program.
local core = require "shoal.core"
local cqueues = require "cqueues"
local shoal = require "shoal"

local node = assert(shoal.start {
  join = { arg[1] },
  handlers = {
    on_member_up = function(_, member) print("up " .. member.addr) end,
    on_member_down = function(_, member) print("down " .. member.addr) end,
  },
})
io.stdout:setvbuf("line")
print("at " .. node:bound())

local loop = cqueues.new()

loop:wrap(function()
  while not node:is_closed() do
    cqueues.poll(node)
    shoal.step()
  end
end)

loop:wrap(function()
  while not node:is_closed() do
    print(node:num_members() .. " others")
    cqueues.sleep(1)
  end
end)

-- Called in shoal.step(): leave, and end the loops above. The controller must forget
-- the socket before it is closed.
for _, name in ipairs { "INT", "TERM" } do
  core.signal(name, function()
    node:leave()
    cqueues.cancel(node:fd())
    node:close()
  end)
end

assert(loop:loop())
