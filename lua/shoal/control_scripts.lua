--- The methods of the control socket that scripts answer: questions, commands, services.

local core = require("shoal.core")

local scripts = {}

-- A script may have addresses that are no strings.
local function sort_key(addr)
  return type(addr) == "string" and addr or core.pack(addr)
end

--- Members; or what has one each, in its field `member`.
function scripts.sort_by_address(list)
  local keys = {}
  for _, one in ipairs(list) do
    keys[one] = sort_key((one.member or one).addr)
  end
  table.sort(list, function(a, b)
    return keys[a] < keys[b]
  end)
end

--- The failure of a method of the node that raised: what a client gave it is wrong.
---@param name string
---@param raised any
---@return nil, string message, string code
function scripts.misuse(name, raised)
  return nil, tostring(raised):match(name .. ": (.*)") or tostring(raised), "invalid_params"
end

-- Later. What a script made may be nested too deep for a message around it.
local function respond(peer, id, result)
  local sent, why = pcall(peer.respond, peer, id, nil, result)
  if not sent then
    peer:respond(id, { code = "failed", message = tostring(why) })
  end
end

local ASK_OPTIONS = { data = true, tags = "table", exactly = "table", members = "table", timeout = "number" }

local function check_ask(options)
  for name, value in pairs(options) do
    local wanted = ASK_OPTIONS[name]
    if not wanted then
      return nil, ("there is no option '%s'"):format(tostring(name)), "invalid_params"
    elseif wanted ~= true and type(value) ~= wanted then
      return nil, ("option '%s' must be a %s, not a %s"):format(name, wanted, type(value)), "invalid_params"
    end
  end
  return true
end

-- In a table of tags `true` stands for any value.
local function where_of(options)
  local where = options.tags
  for name, value in pairs(options.exactly or {}) do
    where = where or {}
    where[name] = function(seen)
      return seen == value
    end
  end
  return where
end

--- By name, as control.lua has them. `LATER` is what a method answers that answers by itself.
---@return table<string, shoal.control.Method>
function scripts.methods(LATER)
  local methods = {}

  -- Answered when the question has ended: `run` says so with LATER.
  methods.ask = {
    params = { "string", "table" },
    optional = 2,
    run = function(self, params, peer, id)
      local options = params[2] or {}
      local ok, message, code = check_ask(options)
      if not ok then
        return nil, message, code
      end
      local called
      called, ok, message, code = pcall(self.node.ask, self.node, params[1], options.data, {
        where = where_of(options),
        members = options.members,
        timeout = options.timeout,
      }, function(_, answers, missing)
        scripts.sort_by_address(answers)
        scripts.sort_by_address(missing)
        respond(peer, id, { answers = answers, missing = missing })
      end)
      if not called then
        return scripts.misuse("node:ask", ok)
      elseif not ok then
        return nil, message, code
      end
      return LATER
    end,
  }

  -- Those of one name, or all; whatever their state.
  methods.services = {
    params = { "string" },
    optional = 1,
    run = function(self, params)
      local list = {}
      for _, instance in ipairs(require("shoal.services").all(self.node)) do
        if not params[1] or instance.name == params[1] then
          instance.member = instance.member.addr
          list[#list + 1] = instance
        end
      end
      return list
    end,
  }

  methods.commands = {
    run = function(self)
      return self.node:commands()
    end,
  }

  -- Answered when the command has: a command that returns nothing has answered true.
  methods.call = {
    params = { "string", "table" },
    optional = 2,
    run = function(self, params, peer, id)
      local function answer(_, result, why, what)
        if why then
          peer:respond(id, { code = what, message = why })
        else
          respond(peer, id, result == nil or result)
        end
      end
      local called, ok, message, code = pcall(self.node.call, self.node, params[1], params[2], answer)
      if not called then
        return scripts.misuse("node:call", ok)
      elseif not ok then
        return nil, message, code
      end
      return LATER
    end,
  }
  return methods
end

return scripts
