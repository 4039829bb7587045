-- SPDX-License-Identifier: MIT
-- The tags of our own services: what they say, how large they are, and setting them.
local core = require "shoal.core"
local instances = require "shoal.services.instances"

local publishing = {}

--- What the tag of a service says.
---@param service table
---@param state string
---@return table
function publishing.value(service, state)
  return {
    port = service.port,
    host = service.host,
    tags = service.tags and #service.tags > 0 and service.tags or nil,
    weight = service.weight ~= 1 and service.weight or nil,
    state = state,
  }
end

-- With its name.
local function size_of(tag, value)
  return #core.pack(tag) + #core.pack(value)
end

--- Bytes of all their tags, in whatever state they are.
---@param all table<string, table>
---@return integer
function publishing.size(all)
  local size = 0
  for name, service in pairs(all) do
    size = size + size_of(instances.tag_of(name), publishing.value(service, "maintenance"))
  end
  return size
end

local function complain(node, tag, value, refused, message)
  local packed = core.pack(value)
  if refused[tag] ~= packed then
    refused[tag] = packed
    node:log("error", "a service cannot be published",
      { service = instances.name_of(tag), bytes = size_of(tag, value), reason = message })
  end
end

-- One at a time, so that one which is too large takes none of the others with it.
local function set_each(node, changes, refused)
  local tags = {}
  for tag in pairs(changes) do
    tags[#tags + 1] = tag
  end
  table.sort(tags, function(a, b)
    local one, other = changes[a] == core.none, changes[b] == core.none
    if one ~= other then
      return one -- what goes makes room
    end
    return a < b
  end)
  for _, tag in ipairs(tags) do
    local ok, message = node:set_tags { [tag] = changes[tag] }
    if ok then
      refused[tag] = nil
    else
      complain(node, tag, changes[tag], refused, message)
    end
  end
end

--- Sets the tags that differ; what cannot be set is logged, each only once.
---@param node shoal.Node
---@param changes table<string, any>
---@param refused table<string, string>  what could not be set: kept for the next call
function publishing.set(node, changes, refused)
  if not node:set_tags(changes) then
    set_each(node, changes, refused)
  end
end

return publishing
