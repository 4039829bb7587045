--- The API reference is made from the types: `make doc`.

local files = require "spec.support.files"
local process = require "spec.support.process"
local reference = require "spec.support.reference"

local SOURCE = [[
---@meta
--- What `shoal run --thing` does. Nothing here runs.

---@alias demo.State "up"|"down"  what it is
---@alias demo.Event
---| "joined" # (node): it joined

---@class demo.Options  how
---@field name? string  what it is called: a < b
---@field on_end? fun(node: demo.Node): boolean?  at the end
local Node = {}

--- Sends it.
---@param data any  what
---@param options? { timeout: number, where: table<string, any> }
---@return true?, string? message, demo.Code? code
function Node:send(data, options) end
]]

local PAGE = [[
--- What <code>shoal run &#45;-thing</code> does. Nothing here runs.
-- @module demo
local M = {}

--- <code>"up"|"down"</code>: what it is
-- @table demo.State

--- demo.Event.
-- @table demo.Event
-- @field joined (node): it joined

--- how
-- @table demo.Options
-- @field name <code>string</code>, optional: what it is called: a &lt; b
-- @field on_end <code>fun(node: demo.Node): boolean?</code>, optional: at the end

--- Sends it.
-- @function Node:send
-- @param data <code>any</code>: what
-- @param[opt] options <code>{ timeout: number, where: table&lt;string, any&gt; }</code>
-- @return <code>true?</code>
-- @return <code>string?</code>: message
-- @return <code>demo.Code?</code>: code
]]

describe("the API reference", function()
  after_each(process.cleanup)

  it("says what the types say", function()
    assert.equal(PAGE, reference.page("demo", SOURCE))
  end)

  it("has every function and class of the types", function()
    for name, path in pairs(reference.sources()) do
      local page, source = reference.page(name, files.read(path)), files.read(path)
      for kind, pattern in pairs { ["function"] = "\nfunction ([%w_.:]+)", table = "\n%-%-%-@class ([%w_.]+)" } do
        for what in source:gmatch(pattern) do
          assert.is_truthy(page:find(("\n-- @%s %s\n"):format(kind, what), 1, true), what)
        end
      end
    end
  end)

  it("is without a warning to ldoc", function()
    local folder = process.tempdir()
    assert.equal(0, process.run { "mkdir", folder .. "/input" }.code)
    reference.write(folder .. "/input")
    local done = process.run { "ldoc", "-c", files.root .. "/docs/config.ld", "--fatalwarnings", "--quiet",
      "-d", folder .. "/output", folder .. "/input" }
    assert.equal("", done.err)
    assert.equal(0, done.code)
    assert.is_truthy(process.read(folder .. "/output/modules/shoal.html"):find("Node:publish", 1, true))
  end)
end)
