--- What Debian's package manager knows, for specs about what this code needs of a
-- system.

local files = require "spec.support.files"

local debian = {}

function debian.is_there()
  local code = os.execute "command -v dpkg-query >/dev/null"
  return code == 0 or code == true
end

-- { { name =, required = } } of all installed packages.
local function installed()
  local list = {}
  for _, line in ipairs(files.output "dpkg-query -W -f '${db:Status-Status} ${Essential} ${Priority} ${Package}\n'") do
    local kind, name = line:match "^installed (.*) (%S+)$"
    if name then
      list[#list + 1] = { name = name, required = kind:match "yes" or kind:match "required" }
    end
  end
  return list
end

-- The paths of one package, or of several.
local function paths_of(names)
  return files.output("dpkg-query -L " .. table.concat(names, " "))
end

local function select(is_wanted)
  local names = {}
  for _, package in ipairs(installed()) do
    if is_wanted(package) then
      names[#names + 1] = package.name
    end
  end
  return names
end

--- { name = its paths } of those packages that are installed.
function debian.paths(packages)
  local list = {}
  for _, name in ipairs(select(function(package) return packages[package.name] end)) do
    list[name] = paths_of { name }
  end
  return list
end

--- { program = true } of those that every Debian system has.
function debian.required_programs()
  local list = {}
  for _, path in ipairs(paths_of(select(function(package) return package.required end))) do
    local name = path:match "bin/([^/]+)$"
    if name then
      list[name] = true
    end
  end
  return list
end

--- { ["sys/socket.h"] = true } of libc, the kernel and gcc.
function debian.system_headers()
  local list = {}
  for _, path in ipairs(paths_of(select(function(package)
    return package.name == "libc6-dev" or package.name == "linux-libc-dev" or package.name:match "^libgcc%-%d+%-dev$"
  end))) do
    local name = path:match "/include/(.*%.h)$"
    if name then
      list[name:gsub("^[^/]*%-linux%-gnu[^/]*/", "")] = true
    end
  end
  return list
end

return debian
