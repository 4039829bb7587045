-- LuaRocks for LuaJIT, where plain `luarocks` uses another Lua:
--     export LUAROCKS_CONFIG=$PWD/rocks/config-luajit.lua
lua_version = "5.1"
lua_interpreter = "luajit"
variables = {
  LUA = "/usr/bin/luajit",
  LUA_BINDIR = "/usr/bin",
  LUA_DIR = "/usr",
  LUA_INCDIR = "/usr/include/luajit-2.1",
}
-- The package lua-argparse, which LuaRocks does not know. Delete this line to get
-- argparse from luarocks.org.
rocks_provided = { argparse = "0.7.1-1" }
