-- Takes a member out of service before it is stopped, from a shell:
--
--   shoal call drain 60 && shoal leave
--
-- The others see the tag `draining` at once, and send no new work. The command answers when the old
-- work is done, or fails when that takes too long.

local M = {}

M.tags = { draining = false }

-- What the program around it would count. Here it is a command, too.
local function busy(node)
  return node.store.busy or 0
end

M.commands = {
  drain = {
    help = "Takes no new work, and answers when the old work is done.",
    args = { { "seconds", type = "number", default = 30, help = "how long to wait at most" } },
    run = function(node, args)
      node:set_tags { draining = true }
      if node:wait(function() return busy(node) == 0 end, args.seconds) then
        return "drained"
      end
      return nil, ("%d requests are not done after %g s"):format(busy(node), args.seconds)
    end,
  },
  undrain = {
    help = "Takes work again.",
    run = function(node) return node:set_tags { draining = false } end,
  },
  busy = {
    help = "Says how many requests are being worked on.",
    args = { { "requests", type = "number" } },
    run = function(node, args) node.store.busy = args.requests end,
  },
}

return M
