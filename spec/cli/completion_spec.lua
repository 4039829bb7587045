--- `shoal completion`: every command and option, in words that the shell takes.

local process = require "spec.support.process"

describe("completion", function()
  after_each(process.cleanup)

  for _, shell in ipairs { "bash", "zsh", "fish" } do
    it(("for %s has all commands and options"):format(shell), function()
      local done = process.cli("completion", shell)
      assert.same({ 0, "" }, { done.code, done.err })
      local help = process.cli("--help").out:match("\nCommands:(.*)")
      local commands = 0
      for command in help:gmatch("\n   (%l+) ") do
        commands = commands + 1
        assert.truthy(done.out:find(command, 1, true), command)
        for option in process.cli(command, "--help").out:gmatch("\n   %-%-([%w%-]+)") do
          assert.truthy(done.out:find(option, 1, true), command .. " --" .. option)
        end
      end
      assert.is_true(commands > 10)
    end)
  end

  it("for bash is taken by bash, and completes", function()
    local path = process.write(process.tempdir() .. "/completion.bash", process.cli("completion", "bash").out)
    local done = process.run { "bash", "-c", ([[
      source %s
      COMP_WORDS=(shoal mem) COMP_CWORD=1 COMP_LINE="shoal mem" COMP_POINT=9
      _shoal shoal mem shoal
      echo "${COMPREPLY[@]}"
      COMP_WORDS=(shoal members --rt) COMP_CWORD=2
      _shoal shoal --rt members
      echo "${COMPREPLY[@]}"
    ]]):format(path) }
    assert.equal("", done.err)
    assert.equal("members\n--rtt\n", done.out)
  end)
end)
