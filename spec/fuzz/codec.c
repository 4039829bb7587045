/* SPDX-License-Identifier: MIT */
/* The codec in Lua: headers and members from any bytes, and an engine whose
 * codec is made of Lua functions, with a member that it knows. */
#include "state.h"

static const char script[] =
    "local codec = core.codec\n"
    "local handlers = {\n"
    "  codec = {\n"
    "    encode_header = function(...) return codec.encode_header(...) end,\n"
    "    decode_header = function(...) return codec.decode_header(...) end,\n"
    "    encode_member = function(...) return codec.encode_member(...) end,\n"
    "    decode_member = function(...) return codec.decode_member(...) end,\n"
    "  },\n"
    "  broadcast = { receive = function(_, data) return #data end },\n"
    "}\n"
    "local b = core.stock_identity('b:2', 2)\n"
    "local a = core.stock_identity('a:1', 1)\n"
    "local function again(decode, encode, bytes)\n"
    "  local read, used = decode(bytes)\n"
    "  if not read then return end\n"
    "  assert(used <= #bytes)\n"
    "  local ok, written = pcall(encode, read)\n"
    "  if not ok then -- it can be read, and not be written\n"
    "    assert(written:find 'a table as a key' or\n"
    "      written:find 'must be a value, got nil' or\n"
    "      written:find 'numbers beyond that lose bits' or\n"
    "      written:find 'takes more than 512 bytes', written)\n"
    "    return\n"
    "  end\n"
    "  assert(encode(assert(decode(written))) == written)\n"
    "end\n"
    "return function(bytes)\n"
    "  again(codec.decode_header, codec.encode_header, bytes)\n"
    "  again(codec.decode_member, codec.encode_member, bytes)\n"
    "  local engine = assert(core.new { identity = b, seed = 1,\n"
    "    config = 'loopback', handlers = handlers, diagnostics = true })\n"
    "  assert(engine:apply(0, { { id = a } }))\n"
    "  engine:receive(0.1, bytes)\n"
    "  engine:tick(2)\n"
    "  for _ in engine:effects() do end\n"
    "  engine:receive(2.1, bytes)\n"
    "  engine:tick(30)\n"
    "  for _ in engine:effects() do end\n"
    "  for _, member in ipairs(engine:state()) do\n"
    "    assert(engine:member(member.addr))\n"
    "  end\n"
    "  engine:close()\n"
    "end\n";

static int take(lua_State *L)
{
    state_push(L, script);
    lua_pushlstring(L, (const char *)state_input.data, state_input.size);
    lua_call(L, 1, 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    state_run(take, data, size);
    return 0;
}
