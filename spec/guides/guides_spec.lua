--- What holds for all pages of docs/guides. That they do what they say is in a spec for each.

local files = require "spec.support.files"
local guide = require "spec.support.guide"
local json = require "dkjson"
local markdown = require "spec.support.markdown"
local process = require "spec.support.process"

local unpack = table.unpack or unpack -- luacheck: std max

local INDEX = "docs/guides/README.md"

local function pages()
  local list = {}
  for _, path in ipairs(files.find("docs/guides", "*.md")) do
    list[#list + 1] = path ~= INDEX and path or nil
  end
  return list
end

describe("a guide", function()
  it("has a spec that follows it", function()
    for _, path in ipairs(pages()) do
      local name = path:match "([^/]+)%.md$"
      local spec = files.read("spec/guides/" .. name:gsub("-", "_") .. "_spec.lua")
      assert.is_truthy(spec:find('guide.run "' .. path .. '"', 1, true), path)
    end
  end)

  it("has its place in the index", function()
    local index = files.read(INDEX)
    for _, path in ipairs(pages()) do
      assert.is_truthy(index:find("](" .. path:match "[^/]+$" .. ")", 1, true), path)
    end
  end)

  it("says what it is for, what is needed, what goes wrong, and what is next", function()
    for _, path in ipairs(pages()) do
      local text = files.read(path)
      for _, heading in ipairs { "\n**Goal.** ", "\n**You need** ", "\n## What goes wrong\n", "\n## Next\n" } do
        assert.is_truthy(text:find(heading, 1, true), path .. ":" .. heading)
      end
    end
  end)

  it("has a block of its own for a command whose output it shows, which is to be repeated", function()
    for _, path in ipairs(pages()) do
      local before
      assert.is_truthy(files.read(path):find("\nIf a command does not show yet", 1, true), path)
      for _, block in ipairs(markdown.blocks(path)) do
        if block.language == "text" and before and before.language == "sh" then
          assert.equal(1, #guide.commands(before.text), ("%s:%d"):format(path, before.line))
        end
        before = block
      end
    end
  end)

  it("has manifests that Kubernetes can read, and that belong together", function()
    local yaml = markdown.blocks("docs/guides/kubernetes.md", "yaml")[1].text
    local done = process.run { "/usr/bin/python3", "-c",
      "import sys, json, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)", stdin = yaml }
    assert.equal(0, done.code, done.err)
    local service, deployment, policy = unpack((json.decode(done.out)))
    assert.same({ "Service", "Deployment", "NetworkPolicy" }, { service.kind, deployment.kind, policy.kind })
    local pod = deployment.spec.template
    for _, labels in ipairs { service.spec.selector, deployment.spec.selector.matchLabels,
      policy.spec.podSelector.matchLabels, policy.spec.ingress[1].from[1].podSelector.matchLabels } do
      assert.same(pod.metadata.labels, labels)
    end
    local container = pod.spec.containers[1]
    local command = markdown.blocks("docs/guides/kubernetes.md", "bash")[1].text
    for _, port in ipairs { service.spec.ports[1].port, container.ports[1].containerPort,
      policy.spec.ingress[1].ports[1].port } do
      assert.is_truthy(command:find('$POD_IP:' .. port .. '"', 1, true))
      assert.is_truthy(command:find("--join " .. service.metadata.name .. ":" .. port, 1, true))
    end
    local volumes, variables = {}, {}
    for _, volume in ipairs(pod.spec.volumes) do volumes[volume.name] = true end
    for _, mount in ipairs(container.volumeMounts) do
      assert.is_true(volumes[mount.name])
      local folder = mount.mountPath:match("^" .. container.workingDir .. "/(.*)$")
      assert.is_truthy(command:find(" " .. folder .. "/", 1, true), folder)
    end
    for _, variable in ipairs(container.env) do variables[variable.name] = variable.value or true end
    for name in command:gmatch "%$([%u_]+)" do assert.is_true(variables[name], name) end
    assert.is_truthy(command:find("--key-file " .. variables.CREDENTIALS_DIRECTORY .. "/", 1, true))
    assert.same({ "sh", "config/pod.sh" }, container.command)
  end)

  it("is compared with what is shown", function()
    assert.is_true(guide.shows("a 2026-11-23T10:34:39.413Z b\n", "a  2025-01-01T00:00:00Z b\n"))
    assert.is_true(guide.shows("x up port=1\ny\n", "x up …\ny\n"))
    assert.is_true(guide.shows("1\n2\n3\n", "…\n3\n"))
    assert.is_true(guide.shows("1\n2\n3\n", "1\n…\n"))
    assert.is_true(guide.shows("web alive 9s\n", "web   alive  10s\n"))
    assert.is_false(guide.shows("1\n2\n3\n", "1\n2\n"))
    assert.is_false(guide.shows("1\n", "1\n2\n"))
    assert.is_false(guide.shows("", "1\n"))
    assert.is_false(guide.shows("a down\n", "a up\n"))
  end)
end)
