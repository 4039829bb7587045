-- What a script may use: the least common denominator of LuaJIT and Lua 5.1-5.4.
std = "min"
max_line_length = 120
cache = false
self = false -- a method need not use its object
exclude_files = { "build", "build-*" }

files["spec"] = { std = "min+busted" }
files["lua/shoal/types.lua"] = { ignore = { "2", "631" } } -- annotations: nothing is used, lines cannot be broken
files["lua/shoal/types/"] = { ignore = { "2", "631" } }
-- In nginx.
files["lua/resty"] = { std = "luajit+ngx_lua" }
