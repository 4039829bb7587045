rockspec_format = "3.0"
package = "lua-resty-shoal"
version = "scm-1"
source = {
  url = "git+https://example.org/shoal.git", -- wherever the repository is published
}
description = {
  summary = "Members and services of a shoal cluster, in nginx and OpenResty",
  detailed = [[
One worker watches the status socket of a shoal member and writes a shared dict;
all workers read it. Services with weights, members, owners of keys, topics, and
messages between workers.]],
  license = "MIT",
  homepage = "https://example.org/shoal",
  issues_url = "https://example.org/shoal/issues",
  labels = { "openresty", "nginx", "cluster", "discovery" },
}
dependencies = {
  "lua == 5.1", -- LuaJIT
}
build = {
  type = "builtin",
  modules = {
    ["resty.shoal"] = "lua/resty/shoal.lua",
    ["resty.shoal.bus"] = "lua/resty/shoal/bus.lua",
    ["resty.shoal.machine"] = "lua/resty/shoal/machine.lua",
    ["resty.shoal.msgpack"] = "lua/resty/shoal/msgpack.lua",
    ["resty.shoal.rendezvous"] = "lua/resty/shoal/rendezvous.lua",
    ["resty.shoal.rpc"] = "lua/resty/shoal/rpc.lua",
    ["resty.shoal.store"] = "lua/resty/shoal/store.lua",
    ["resty.shoal.view"] = "lua/resty/shoal/view.lua",
    ["resty.shoal.watcher"] = "lua/resty/shoal/watcher.lua",
  },
}
