-- LuaRocks for PUC Lua; --lua-version says which:
--     export LUAROCKS_CONFIG=$PWD/rocks/config-puc.lua
--     luarocks --lua-version 5.4 make --tree ~/.luarocks rocks/shoal-scm-1.rockspec
--
-- The package lua-argparse, which LuaRocks does not know. Delete this line to get
-- argparse from luarocks.org.
rocks_provided = { argparse = "0.7.1-1" }
