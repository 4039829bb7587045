--- The methods of the control socket that scripts answer: questions, commands, services.

local core = require("shoal.core")

local scripts = {}

-- A script may have addresses that are no strings.
local function sort_key(addr)
  return type(addr) == "string" and addr or core.pack(addr)
end

function scripts.sort_by_address(members)
  local keys = {}
  for _, member in ipairs(members) do
    keys[member] = sort_key(member.addr)
  end
  table.sort(members, function(a, b)
    return keys[a] < keys[b]
  end)
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

local function sort_answers(answers)
  local keys = {}
  for _, answer in ipairs(answers) do
    keys[answer] = sort_key(answer.member.addr)
  end
  table.sort(answers, function(a, b)
    return keys[a] < keys[b]
  end)
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
        sort_answers(answers)
        scripts.sort_by_address(missing)
        local sent, why = pcall(peer.respond, peer, id, nil, { answers = answers, missing = missing })
        if not sent then -- nested too deep for a message around it
          peer:respond(id, { code = "failed", message = tostring(why) })
        end
      end)
      if not called then
        return nil, tostring(ok):match("node:ask: (.*)") or tostring(ok), "invalid_params"
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
          return
        end
        local sent, problem = pcall(peer.respond, peer, id, nil, result == nil or result)
        if not sent then -- nested too deep for a message around it
          peer:respond(id, { code = "failed", message = tostring(problem) })
        end
      end
      local called, ok, message, code = pcall(self.node.call, self.node, params[1], params[2], answer)
      if not called then
        return nil, tostring(ok):match("node:call: (.*)") or tostring(ok), "invalid_params"
      elseif not ok then
        return nil, message, code
      end
      return LATER
    end,
  }
  return methods
end

return scripts
