--- Instances as lua-resty-shoal reads them from the tags of members.

if not package.loaded.jit then
  return -- it is for LuaJIT
end

package.path = (os.getenv "SHOAL_SOURCE" or ".") .. "/lua/?.lua;" .. package.path
local view = require "resty.shoal.view"

describe("instances of lua-resty-shoal", function()
  it("have brackets around IPv6 addresses, whoever wrote them", function()
    for host, addr in pairs { ["fd00::1"] = "[fd00::1]:80", ["[fd00::1]"] = "[fd00::1]:80",
      ["10.0.0.9"] = "10.0.0.9:80",
      ["10.0.0.9:80"] = "10.0.0.1:80", ["evil; x"] = "10.0.0.1:80", ["db.example"] = "db.example:80" } do
      local tag = { host = host, port = 80 }
      local packed = view.pack_member { addr = "10.0.0.1:7946", tags = { ["service.web"] = tag } }
      local state = view.read(view.pack({}, { ["10.0.0.1:7946"] = packed }))
      assert.equal(addr, state:instances("web")[1].addr)
    end
  end)

  -- One member with these services.
  local function read(names, before)
    local tags = {}
    for _, name in ipairs(names) do tags["service." .. name] = { port = 80, state = "passing" } end
    local packed = view.pack_member { addr = "10.0.0.1:7946", tags = tags }
    return view.read(view.pack({}, { ["10.0.0.1:7946"] = packed }), before)
  end

  local function num_kept(state)
    local count = 0
    for _ in pairs(state.services) do count = count + 1 end
    return count
  end

  it("are not kept of any number of names that nobody has", function()
    local state = read { "web" }
    for i = 1, 1000 do assert.same({}, state:passing("none" .. i)) end
    local web = state:passing "web"
    assert.equal(1, #web)
    assert.equal(101, num_kept(state))
    assert.equal(state:passing "none1", state:passing "none1")
    local same = read({ "web" }, state)
    assert.same({ true, true, 101 }, { same:passing "web" == web, same:passing "none1" == state:passing "none1",
      num_kept(same) })
    local other = read({ "none1" }, same)
    assert.same({ 0, 1 }, { #other:passing "web", #other:passing "none1" })
    assert.is_true(num_kept(other) <= 101)
  end)
end)

describe("members of lua-resty-shoal", function()
  it("are selected by their tags as those of a node are", function()
    local packed, web = {}, { port = 2 }
    for i, tags in ipairs { { zone = "a" }, { zone = "b", number = 1, http = web }, { zone = "b", number = 3 } } do
      local addr = ("10.0.0.%d:7946"):format(i)
      packed[addr] = view.pack_member { addr = addr, tags = tags }
    end
    local state = view.read(view.pack({}, packed))
    local function count(tags, where) return #state:matching { tags = tags, where = where } end
    assert.same({ 3, 2, 1, 1, 0 }, { count {}, count { number = true }, count { http = { port = 2 } },
      count { http = function(http) return http and http.port == 2 end }, count { http = { port = 2, path = "/" } } })
    assert.equal(1, count({ zone = "b" }, function(member) return member.tags.http end))
    for i = 1, 20 do
      local wanted = { zone = "b", number = function(number) return number < 2 end } -- never of nil
      wanted["none" .. i] = function() return true end
      assert.equal(1, count(wanted))
    end
  end)
end)
