--- The repository's own files, for specs about the code itself.

local files = {}

files.root = os.getenv("SHOAL_SOURCE") or "."
files.build = os.getenv("SHOAL_BUILD") or files.root .. "/build"

--- Is the build full of what a sanitizer adds?
files.sanitized = (os.getenv("SHOAL_SANITIZERS") or "") ~= ""

--- The lines that a command prints; raises when it cannot be run.
function files.output(command)
  local pipe = assert(io.popen(command .. " && echo fine"))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  assert(table.remove(lines) == "fine", "failed: " .. command)
  return lines
end

--- Paths, relative to the root, below folders that exist: files.find("src lua", "*.c").
function files.find(folders, name)
  local there = {}
  for folder in folders:gmatch("%S+") do
    there[#there + 1] = files.exists(folder) and folder or nil
  end
  if #there == 0 then
    return {}
  end
  return files.output(("cd '%s' && find %s -type f -name '%s' | sort"):format(files.root,
    table.concat(there, " "), name))
end

function files.exists(path)
  local file = io.open(files.root .. "/" .. path)
  if file then
    file:close()
  end
  return file ~= nil
end

function files.read(path)
  local file = assert(io.open(files.root .. "/" .. path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

--- for number, line in files.lines(path)
function files.lines(path)
  local number = 0
  local next_line = files.read(path):gmatch("([^\n]*)\n?")
  return function()
    number = number + 1
    local line = next_line()
    return line and number, line
  end
end

--- Lines of files below folders for which `is_offence(line, path)` holds: a list of
-- "path:12: " and what it answered, or the line for true.
function files.offenders(folders, names, is_offence)
  local list = {}
  for _, name in ipairs(names) do
    for _, path in ipairs(files.find(folders, name)) do
      for number, line in files.lines(path) do
        local offence = is_offence(line, path)
        if offence then
          list[#list + 1] = ("%s:%d: %s"):format(path, number, offence == true and line or offence)
        end
      end
    end
  end
  return list
end

return files
