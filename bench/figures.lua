-- SPDX-License-Identifier: MIT
--- What several benchmarks compute, and how they write it into a document.
local figures = {}

--- Of a list, which is sorted by that; nil of an empty one.
function figures.median(list)
  table.sort(list)
  if #list == 0 then
    return nil
  end
  local middle = (#list + 1) / 2
  return (list[math.floor(middle)] + list[math.ceil(middle)]) / 2
end

--- How many keys a table has.
function figures.count(set)
  local count = 0
  for _ in pairs(set) do
    count = count + 1
  end
  return count
end

--- Rows as a table in Markdown, the first one being its head.
function figures.markdown(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
    if i == 1 then
      lines[#lines + 1] = "|" .. (" --- |"):rep(#row)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Replaces what a document has between "<!-- NAME -->" and "<!-- end -->" by
-- `body(NAME, old)`; nil: it stays. Raises when nothing has been replaced.
function figures.write(path, body)
  local file = assert(io.open(path))
  local text, replaced = assert(file:read "*a"), false
  file:close()
  text = text:gsub("(<!%-%- (%l[%w%%: ]*) %-%->\n)(.-)(<!%-%- end %-%->)", function(head, name, old, foot)
    local new = body(name, old)
    replaced = replaced or new ~= nil
    return new and head .. new .. foot
  end)
  assert(replaced, path .. " has no place for the table")
  file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

return figures
