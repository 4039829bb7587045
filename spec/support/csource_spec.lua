--- What is read out of C files.

local csource = require "spec.support.csource"

local function graph_of(edges)
  local graph = {}
  for from, to in edges:gmatch "(%w+)>(%w+)" do
    graph[from], graph[to] = graph[from] or {}, graph[to] or {}
    graph[from][to] = true
  end
  return graph
end

describe("the functions of a C file", function()
  it("are those whose body begins in the first column, static ones apart", function()
    local functions, static = csource.definitions [[
static int helper(void)
{
}

struct node *node_new(struct program *owner,
                      int count)
{
    helper();
}
int declared(void);
static const int numbers[] = {
};
]]
    assert.same({ node_new = true }, functions)
    assert.same({ helper = true }, static)
  end)

  it("are not in comments or strings", function()
    assert.equal("call(, ); x =  / 2; \n", csource.strip('call("a\\"(", \'"\'); x = /* y() */ / 2; // z()\n'))
  end)
end)

describe("the rings of a graph", function()
  it("are the groups that lead to each other, the largest first", function()
    assert.same({ { "a", "b", "c" }, { "x", "y" } },
      csource.cycles(graph_of "a>b b>c c>a c>x x>y y>x y>z"))
  end)

  it("are none where all leads one way", function()
    assert.same({}, csource.cycles(graph_of "a>b a>c b>d c>d"))
  end)
end)
