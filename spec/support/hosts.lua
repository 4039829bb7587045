--- Several hosts on one machine: network namespaces on a virtual switch, for specs
-- that cut cables and lose packets.
--
--   after_each(hosts.cleanup)           -- ends processes, and removes networks
--   local net = hosts.new(5, pending)   -- where this machine has no such thing: pending, with the
--                                       -- reason; without `pending`, nil and the reason
--   node.start { within = net:within(1), bind = net:address(1) .. ":7946" }
--   net:address(1)                      -- "10.77.0.1"
--   net:cut({ 4, 5 })                   -- hosts 4 and 5 hear and reach only each other
--   net:lose(20)                        -- one in five packets that arrive is lost, everywhere
--   net:heal()
--   net:remove()
--
--   local net = hosts.path(576, pending) -- two hosts and a router between them; the cable of
--                                       -- the second takes packets of 576 bytes at most
--   net:filter("meta length gt 576 drop")   -- what the router lets through of that
--
-- All of it is in namespaces named after this process, the switch too: the
-- machine's own network is not touched.

local process = require "spec.support.process"
local unistd = require "posix.unistd"

local hosts = {}

local Net = {}
Net.__index = Net

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo $?"))
  local output = pipe:read("*a")
  pipe:close()
  local text, code = output:match("^(.-)(%d+)\n$")
  if code == "0" then
    return true
  end
  return nil, (text:gsub("%s+$", ""))
end

local function must(command, ...)
  local ok, message = run(command:format(...))
  if not ok then
    error(("%s: %s"):format(command:format(...), message), 0)
  end
end

--- The name of a host's namespace; 0 is the switch.
function Net:namespace(i)
  return ("%s-%d"):format(self.prefix, i)
end

function Net:address(i)
  return (self.address_format or "10.77.0.%d"):format(i)
end

local function add_switch(net)
  local switch = net:namespace(0)
  must("ip netns add %s", switch)
  must("ip -n %s link add sw type bridge", switch)
  must("ip -n %s link set sw up", switch)
end

local function add_host(net, i)
  local host, switch = net:namespace(i), net:namespace(0)
  must("ip netns add %s", host)
  must("ip -n %s link set lo up", host)
  must("ip -n %s link add eth0 type veth peer name port%d netns %s", host, i, switch)
  must("ip -n %s link set port%d master sw up", switch, i)
  must("ip -n %s addr add %s/24 dev eth0", host, net:address(i))
  must("ip -n %s link set eth0 up", host)
  must("ip netns exec %s nft 'add table inet spec; "
    .. "add chain inet spec input { type filter hook input priority 0; }'", host)
end

local built = {}

local function try(net, steps)
  if unistd.geteuid() ~= 0 then
    return false, "not root"
  end
  net.prefix = ("shoal-%d"):format(unistd.getpid())
  setmetatable(net, Net)
  built[#built + 1] = net
  return pcall(steps)
end

local function build(net, steps, pending)
  local ok, message = try(net, steps)
  if ok then
    return net
  end
  hosts.cleanup()
  return (pending or function(why) return nil, why end)("no network namespaces here: " .. message)
end

--- Ends all processes and removes all networks.
function hosts.cleanup()
  process.cleanup()
  while #built > 0 do
    table.remove(built):remove()
  end
end

--- `count` hosts on a switch.
function hosts.new(count, pending)
  local net = { count = count }
  return build(net, function()
    add_switch(net)
    for i = 1, count do
      add_host(net, i)
    end
  end, pending)
end

--- Gives a host one more address; and another host that address, which all hear at once.
function Net:add_address(i, address)
  must("ip -n %s addr add %s/24 dev eth0", self:namespace(i), address)
end

function Net:move_address(address, from, to)
  must("ip -n %s addr del %s/24 dev eth0", self:namespace(from), address)
  self:add_address(to, address)
  for i = 1, self.count do
    must("ip -n %s neigh flush all", self:namespace(i))
  end
end

-- ---- A path with a router -----------------------------------------------------

local function add_router(net)
  local router = net:namespace(0)
  must("ip netns add %s", router)
  must("ip netns exec %s sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'", router)
  must("ip netns exec %s nft 'add table inet spec; "
    .. "add chain inet spec forward { type filter hook forward priority 0; }; "
    .. "add chain inet spec output { type filter hook output priority 0; }'", router)
end

local function add_cable(net, i)
  local host, router = net:namespace(i), net:namespace(0)
  local gateway = net:address(i):gsub("%d+$", "1")
  must("ip netns add %s", host)
  must("ip -n %s link set dev lo up", host)
  must("ip -n %s link add eth0 type veth peer name port%d netns %s", host, i, router)
  must("ip -n %s addr add %s/24 dev port%d", router, gateway, i)
  must("ip -n %s link set dev port%d up", router, i)
  must("ip -n %s addr add %s/24 dev eth0", host, net:address(i))
  must("ip -n %s link set dev eth0 up", host)
  must("ip -n %s route add default via %s", host, gateway)
end

--- Two hosts, and a router between them that may have to make small packets of large ones.
function hosts.path(mtu, pending)
  local net = { count = 2, address_format = "10.77.%d.2" }
  return build(net, function()
    add_router(net)
    add_cable(net, 1)
    add_cable(net, 2)
    must("ip -n %s link set dev port2 mtu %d", net:namespace(0), mtu)
    must("ip -n %s link set dev eth0 mtu %d", net:namespace(2), mtu)
  end, pending)
end

--- A rule for what goes through the router, or, with "output", what it says itself.
function Net:filter(rule, chain)
  must("ip netns exec %s nft add rule inet spec %s %s", self:namespace(0), chain or "forward", rule)
end

--- The router lets everything through again.
function Net:unfilter()
  must("ip netns exec %s nft flush table inet spec", self:namespace(0))
end

-- ---- What happens on it --------------------------------------------------------

--- The words that run a program on host `i`.
function Net:within(i)
  return { "ip", "netns", "exec", self:namespace(i) }
end

local function add_rule(net, i, rule)
  must("ip netns exec %s nft add rule inet spec input %s", net:namespace(i), rule)
end

--- The hosts in `group` and the others no longer hear each other.
function Net:cut(group)
  local inside = {}
  for _, i in ipairs(group) do
    inside[i] = true
  end
  for i = 1, self.count do
    local others = {}
    for j = 1, self.count do
      others[#others + 1] = inside[i] ~= inside[j] and self:address(j) or nil
    end
    if #others > 0 then
      add_rule(self, i, ("ip saddr '{ %s }' drop"):format(table.concat(others, ", ")))
    end
  end
end

--- So many of a hundred packets that arrive are lost, on every host.
function Net:lose(percent)
  for i = 1, self.count do
    add_rule(self, i, ("meta l4proto udp numgen random mod 100 lt %d drop"):format(percent))
  end
end

function Net:heal()
  for i = 1, self.count do
    must("ip netns exec %s nft flush chain inet spec input", self:namespace(i))
  end
end

--- Ends the network; the processes on it must have ended.
function Net:remove()
  for i = self.count, 0, -1 do
    run(("ip netns del %s"):format(self:namespace(i)))
  end
end

return hosts
