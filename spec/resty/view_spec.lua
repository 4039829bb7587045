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
end)
