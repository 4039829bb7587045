--- What the C files define, call and include, as far as text tells.
--
-- No preprocessor runs: comments and strings are taken out, and a function is
-- what begins in the first column and has its brace there, as clang-format
-- writes it.

local files = require "spec.support.files"

local csource = {}

--- The text without comments, strings and characters.
function csource.strip(text)
  local out, at = {}, 1
  while true do
    local found = text:find("[/\"']", at)
    if not found then
      out[#out + 1] = text:sub(at)
      return table.concat(out)
    end
    out[#out + 1] = text:sub(at, found - 1)
    local two, quote = text:sub(found, found + 1), text:sub(found, found)
    if two == "/*" then
      local _, last = text:find("*/", found + 2, true)
      at = (last or #text) + 1
    elseif two == "//" then
      at = text:find("\n", found, true) or #text + 1
    elseif quote == "/" then
      out[#out + 1] = quote
      at = found + 1
    else
      at = found + 1
      while text:sub(at, at) ~= quote and at <= #text do
        at = at + (text:sub(at, at) == "\\" and 2 or 1)
      end
      at = at + 1
    end
  end
end

--- The folder below src/ that a file is in: "script/node", or nil for src itself.
function csource.folder(path)
  return path:match("^src/(.+)/[^/]+$")
end

--- name -> true for the functions that the text of a .c file defines, static ones and others.
function csource.definitions(text)
  local global, static = {}, {}
  for head in ("\n" .. text):gmatch("\n([%a_][%w_ %*\n]*%([^;{}]*%))%s*\n{") do
    local before, name = head:match("^(.-)([%a_][%w_]*)%s*%(")
    if before:match("%f[%w_]static%f[^%w_]") then
      static[name] = true
    else
      global[name] = true
    end
  end
  return global, static
end

local function words(text)
  local set = {}
  for word in text:gmatch("[%a_][%w_]*") do
    set[word] = true
  end
  return set
end

--- Every .c and .h file below src/: path -> { folder=, text=, words=, functions=, static= }.
function csource.read()
  local all = {}
  for _, pattern in ipairs { "*.c", "*.h" } do
    for _, path in ipairs(files.find("src", pattern)) do
      local text = csource.strip(files.read(path))
      local functions, static = {}, {}
      if pattern == "*.c" then
        functions, static = csource.definitions(text)
      end
      all[path] = {
        folder = csource.folder(path), text = text, words = words(text),
        functions = functions, static = static,
      }
    end
  end
  return all
end

--- The groups of nodes that lead to each other, largest first (Tarjan). `graph[a][b]`: a leads to b.
function csource.cycles(graph)
  local index, low, on_stack, stack, count, groups = {}, {}, {}, {}, 0, {}
  local function visit(node)
    count = count + 1
    index[node], low[node] = count, count
    stack[#stack + 1], on_stack[node] = node, true
    for other in pairs(graph[node] or {}) do
      if not index[other] then
        visit(other)
        low[node] = math.min(low[node], low[other])
      elseif on_stack[other] then
        low[node] = math.min(low[node], index[other])
      end
    end
    if low[node] == index[node] then
      local group = {}
      repeat
        local last = table.remove(stack)
        on_stack[last] = nil
        group[#group + 1] = last
      until last == node
      table.sort(group)
      groups[#groups + 1] = #group > 1 and group or nil
    end
  end
  for node in pairs(graph) do
    if not index[node] then
      visit(node)
    end
  end
  table.sort(groups, function(a, b)
    return #a ~= #b and #a > #b or #a == #b and a[1] < b[1]
  end)
  return groups
end

--- folder -> graph of its .c files: which uses a function that another one defines.
function csource.calls(all)
  local owner, graphs = {}, {}
  for path, file in pairs(all) do
    for name in pairs(file.functions) do
      owner[(file.folder or "") .. " " .. name] = path
    end
  end
  for path, file in pairs(all) do
    if path:match("%.c$") then
      local graph = graphs[file.folder] or {}
      graphs[file.folder], graph[path] = graph, {}
      for word in pairs(file.words) do
        local other = owner[file.folder .. " " .. word]
        if other and other ~= path and not file.static[word] then
          graph[path][other] = true
        end
      end
    end
  end
  return graphs
end

return csource
