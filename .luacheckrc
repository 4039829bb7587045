-- What a script may use: the least common denominator of LuaJIT and Lua 5.1-5.4.
std = "min"
max_line_length = 120
cache = false
files["spec"] = { std = "min+busted" }
exclude_files = { "build", "build-*" }
