--- A headless Chromium for specs, by WebDriver.
--
--   if browser.is_there() then
--     local page = browser.open("http://127.0.0.1:7947/")
--     page:ask("return document.title")
--     page:errors()                      -- what its console has complained about
--   end
--   after_each(browser.close)            -- then process.cleanup

local dkjson = require "dkjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local process = require "spec.support.process"

local browser = {}

local Page = {}
Page.__index = Page

-- Not in .ci/packages: it is large, and specs do without.
local DRIVER = os.getenv("SHOAL_CHROMEDRIVER") or "chromedriver"

local session, base

function browser.is_there()
  return process.run { "sh", "-c", "command -v " .. DRIVER }.code == 0
end

local function call(method, path, body)
  local parts, text = {}, body and dkjson.encode(body) or nil
  local ok, status = http.request {
    url = base .. path, method = method, sink = ltn12.sink.table(parts),
    source = text and ltn12.source.string(text),
    headers = text and { ["Content-Type"] = "application/json", ["Content-Length"] = #text },
  }
  local answer = dkjson.decode(table.concat(parts))
  if not ok or status ~= 200 then
    error(("%s %s: %s"):format(method, path, answer and answer.value and answer.value.message or tostring(status)), 0)
  end
  return answer.value
end

function browser.open(url)
  local folder = process.tempdir()
  local driver = process.start { DRIVER, "--port=0", env = { HOME = folder } }
  local port = driver:wait_for("successfully on port (%d+)", 60, "stdout")
  base = "http://127.0.0.1:" .. port
  http.TIMEOUT = 120
  session = call("POST", "/session", { capabilities = { alwaysMatch = {
    browserName = "chrome",
    ["goog:loggingPrefs"] = { browser = "ALL" },
    ["goog:chromeOptions"] = { args = { "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--window-size=1280,1000", "--user-data-dir=" .. folder .. "/profile" } },
  } } }).sessionId
  call("POST", ("/session/%s/url"):format(session), { url = url })
  return setmetatable({}, Page)
end

--- What a piece of JavaScript returns.
function Page.ask(_, script)
  return call("POST", ("/session/%s/execute/sync"):format(session), {
    script = script, args = setmetatable({}, { __jsontype = "array" }),
  })
end

function Page.errors()
  local list = {}
  for _, entry in ipairs(call("POST", ("/session/%s/se/log"):format(session), { type = "browser" })) do
    if entry.level == "SEVERE" then
      list[#list + 1] = entry.message
    end
  end
  return list
end

--- A picture of it, as PNG in base64.
function Page.picture()
  return call("GET", ("/session/%s/screenshot"):format(session))
end

function browser.close()
  if session then
    pcall(call, "DELETE", "/session/" .. session)
  end
  session = nil
end

return browser
