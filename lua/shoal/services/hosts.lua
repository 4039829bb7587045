-- SPDX-License-Identifier: MIT
-- Hosts of services: a name, "10.0.0.1" or "[fd00::1]".

local hosts = {}

local function is_ipv4(text)
  local count = 0
  for number in text:gmatch "[^.]+" do
    count = count + 1
    if #number > 3 or tonumber(number) > 255 then
      return false
    end
  end
  return count == 4 and text:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

-- How many groups of 16 bits a side of "::" has; nil: it is none.
local function groups_of(text)
  local count = 0
  if text == "" then
    return 0
  end
  for group in (text .. ":"):gmatch "([^:]*):" do
    count = count + 1
    if not group:find "^%x%x?%x?%x?$" then
      return nil
    end
  end
  return count
end

-- The last 32 bits may be written as an IPv4 address.
local function without_ipv4(text)
  local before, tail = text:match "^(.*:)([%d.]+)$"
  if tail and tail:find(".", 1, true) then
    return is_ipv4(tail) and before .. "0:0" or ""
  end
  return text
end

local function is_ipv6(text)
  text = without_ipv4((text:gsub("%%[%w._-]+$", "")))
  local left, right = text:match "^(.-)::(.*)$"
  if not left then
    return groups_of(text) == 8
  end
  local before, after = groups_of(left), groups_of(right)
  return before ~= nil and after ~= nil and before + after < 8
end

local function is_name(text)
  return #text <= 253 and text:find "^[%w_.-]+$" ~= nil and not text:find("..", 1, true) and text:sub(1, 1) ~= "."
end

--- The host as it stands before a port: an IPv6 address has brackets. nil: it is no host.
---@param text any
---@return string?
function hosts.read(text)
  if type(text) ~= "string" then
    return nil
  elseif text:find(":", 1, true) then
    local bare = text:match "^%[(.*)%]$" or text
    return is_ipv6(bare) and "[" .. bare .. "]" or nil
  elseif text:find "^[%d.]+$" then
    return is_ipv4(text) and text or nil
  end
  return is_name(text) and text or nil
end

return hosts
