---@meta
--- Options of a node's methods.

---@class shoal.MembersOptions
---@field state? shoal.State|"active"|"all"  default "active" (alive or suspect)
---@field where? fun(member: shoal.Member): boolean
---@field tags? table<string, any>  only members with these tags: true: any value; a function of the value: decides; else an equal value

---@class shoal.LivingOptions
---@field where? fun(member: shoal.Member): boolean  counts only members for which it holds

---@class shoal.OwnerOptions
---@field n? integer  1 to 255: a list of so many, the next owners behind the first
---@field where? fun(member: shoal.Member): boolean   only members for which it holds
---@field weight? fun(member: shoal.Member): integer  0 to 65535: its share of the keys; 0: none. Must be the same on all members

---@class shoal.LogOptions
---@field levels? string        "info", "warn,engine=trace" (default: $SHOAL_LOG, else "warn")
---@field format? "text"|"json"
---@field write? shoal.LogFunction  gets the lines, which are not written then

---@alias shoal.LogFunction fun(level: shoal.Level, area: string, text: string, fields: table<string, string|number>)
