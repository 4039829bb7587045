-- LuaRocks for LuaJIT, wherever plain `luarocks` has another Lua in mind:
--     export LUAROCKS_CONFIG=$PWD/rocks/config-luajit.lua
lua_version = "5.1"
lua_interpreter = "luajit"
variables = {
  LUA = "/usr/bin/luajit",
  LUA_BINDIR = "/usr/bin",
  LUA_DIR = "/usr",
  LUA_INCDIR = "/usr/include/luajit-2.1",
}
