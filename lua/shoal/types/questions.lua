---@meta
--- What `node:ask` takes and gives. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.AskOptions
---@field where? table<string, any>|fun(member: shoal.Member): boolean  only members with these tags, as in `members`; or a filter
---@field members? any[]  only these: member tables, addresses or names
---@field timeout? number  seconds (5)

---@class shoal.Answer
---@field member shoal.Member
---@field data any
---@field error? string  instead of data
---@field code? "handler"|"no_handler"|"too_big"  the handler raised an error; there is none; the answer did not fit

---@class shoal.QuestionStats
---@field asked integer       with node:ask
---@field refused integer     not asked: 64 were under way
---@field answered integer    questions that on_ask answered
---@field unanswered integer  answers that could not be sent
---@field late integer        answers that came after the end
