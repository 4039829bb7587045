--- The blocks of code in a document.
--
--   for _, block in ipairs(markdown.blocks "README.md") do … end
--   markdown.blocks("README.md", "lua")        -- those in Lua
--
-- A block is { language =, text =, line = (where it begins), before = (the last line of
-- text before it, "" after another block) }.

local files = require "spec.support.files"

local markdown = {}

function markdown.blocks(path, language)
  local found, block, before = {}, nil, ""
  for number, line in files.lines(path) do
    local fence = line:match "^```(.*)$"
    if fence and not block then
      block = { language = fence, line = number, text = "", before = before }
    elseif fence then
      found[#found + 1] = (not language or block.language == language) and block or nil
      block, before = nil, ""
    elseif block then
      block.text = block.text .. line .. "\n"
    elseif line ~= "" then
      before = line
    end
  end
  assert(not block, path .. ": a block without an end")
  return found
end

return markdown
