--- What a client asked for: the path and the query of a URI, decoded.

local request = {}

---@class shoal.http.Request
---@field method string
---@field path string  decoded
---@field query table<string, string>  decoded; the first of each name; "" without a value
---@field tags string[]  each ?tag= in the query, which may be there more than once
---@field body string
---@field exchange shoal.Exchange

local function decode(text)
  local bad = text:gsub("%%%x%x", ""):find("%", 1, true)
  if bad then
    return nil
  end
  local decoded = text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end)
  return not decoded:find("%z") and decoded or nil
end

local function read_query(text)
  local query, tags = {}, {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    name, value = decode((name:gsub("%+", " "))), decode((value:gsub("%+", " ")))
    if not name or not value then
      return nil
    end
    if query[name] == nil then
      query[name] = value
    end
    if name == "tag" then
      tags[#tags + 1] = value
    end
  end
  return query, tags
end

--- nil: it is not a URI that anything could be found by.
---@param uri string
---@return string? path, table<string, string>? query, string[]? tags
function request.parse(uri)
  uri = uri:gsub("#.*$", ""):gsub("^%a[%w+.-]*://[^/?]*", "") -- as proxies write it
  local path, rest = uri:match("^([^?]*)%??(.*)$")
  path = decode(path == "" and "/" or path)
  local query, tags = read_query(rest)
  if not path or not query or path:sub(1, 1) ~= "/" then
    return nil
  end
  return path, query, tags
end

--- A number in a query, from 0 to `most`: nil, message when it is something else.
---@return number?, string? message
function request.number(query, name, most, fallback)
  local given = query[name]
  if given == nil then
    return fallback
  end
  local number = given:find("^%d+%.?%d*$") and tonumber(given)
  if not number or number > most then
    return nil, ("%s must be a number from 0 to %.0f"):format(name, most)
  end
  return number
end

--- A flag in a query: ?all, ?all=1, ?all=true.
function request.flag(query, name)
  local given = query[name]
  return given ~= nil and given ~= "0" and given ~= "false"
end

return request
