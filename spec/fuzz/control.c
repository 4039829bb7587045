/* SPDX-License-Identifier: MIT */
/* The control socket: bytes that come in pieces are found to be the same
 * messages as in one piece, and each is taken apart as far as it goes; requests
 * go to the methods, which ask a simulated node. The first byte of the input is
 * the size of the pieces. */
#include "../../src/control/frame.h"
#include "../../src/control/rpc.h"
#include "../../src/lua/value.h"
#include "state.h"

#include <sanitizer/lsan_interface.h>

enum { LIMIT = 4096 };

struct found {
    unsigned messages;
    size_t bytes;
    int end; /* of frame_next() */
};

/* The methods as they are, with a listener and a peer that only look whether
 * everything could be sent. Most methods change nothing, so a node serves until
 * one did. */
static const char script[] =
    "package.loaded['shoal.core'] = core\n"
    "package.path = '" SHOAL_LUA_SHARE "/?.lua'\n"
    "local handlers\n"
    "function core.control_listen(_, given)\n"
    "  handlers = given\n"
    "  return { stats = function() return {} end, path = function() end,\n"
    "    publish = function(_, _, _, params) core.pack(params) end }\n"
    "end\n"
    "local control, sim = require 'shoal.control', require 'shoal.sim'\n"
    "local peer = {}\n"
    "function peer.id() return 1 end\n"
    "function peer.respond(_, _, problem, result)\n"
    "  assert((problem == nil) ~= (result == nil))\n"
    "  core.pack(problem or result)\n"
    "end\n"
    "function peer.notify(_, _, params) core.pack(params) return true end\n"
    "local changes = { join = true, leave = true, broadcast = true,\n"
    "  monitor = true }\n"
    "local net\n"
    "return function(id, method, params)\n"
    "  if not net then\n"
    "    net = sim.new()\n"
    "    local members = net:spawn(2, { handlers = { broadcast = {\n"
    "      receive = function(_, data) return data end } } })\n"
    "    control.listen 'nowhere':attach(members[1])\n"
    "    net:run(1)\n"
    "  end\n"
    "  handlers.on_request(peer, id, method, params)\n"
    "  if changes[method] then\n"
    "    net:run(0.01)\n"
    "    handlers.on_close(peer)\n"
    "    net = net:close()\n"
    "  end\n"
    "end\n";

static void request(lua_State *L, const struct rpc_message *message)
{
    size_t used;
    lua_settop(L, 0);
    state_push(L, script);
    lua_pushnumber(L, message->id);
    value_push_bytes(L, message->method);
    if (value_push(L, message->values[0], &used) != 0)
        return;
    __lsan_disable(); /* what Lua holds for the next input is no leak */
    lua_call(L, 3, 0);
    __lsan_enable();
}

static int take_message(lua_State *L)
{
    struct rpc_message message;
    uint8_t answer[RPC_MAX_FAILURE];
    size_t used;
    if (!rpc_read(state_input, &message))
        return 0;
    MUST(message.kind <= RPC_NOTIFICATION);
    for (int i = 0; i < 2; i++)
        if (message.values[i].size > 0)
            (void)value_push(L, message.values[i], &used);
    if (message.kind == RPC_REQUEST)
        request(L, &message);
    char text[700];
    snprintf(text, sizeof text, "%.*s", (int)message.method.size,
             message.method.size ? (const char *)message.method.data : "");
    used = rpc_write_failure(answer, message.id, text);
    MUST(used <= sizeof answer);
    state_input = (shoal_bytes){answer, used};
    MUST(rpc_read(state_input, &message) && message.kind == RPC_RESPONSE);
    return 0;
}

static void take_all(struct frame *frame, struct found *found)
{
    shoal_bytes message;
    while (found->end >= 0 && (found->end = frame_next(frame, &message)) > 0) {
        found->messages++;
        found->bytes += message.size;
        MUST(message.size <= LIMIT);
        state_run(take_message, message.data, message.size);
    }
}

static struct found read_in_pieces(shoal_bytes bytes, size_t piece)
{
    struct frame frame;
    struct found found = {0};
    frame_init(&frame, LIMIT);
    while (bytes.size > 0 && found.end >= 0) {
        size_t room, size = piece < bytes.size ? piece : bytes.size;
        uint8_t *at = frame_room(&frame, &room);
        MUST(at);
        if (size > room)
            size = room;
        memcpy(at, bytes.data, size);
        frame_filled(&frame, size);
        bytes = (shoal_bytes){bytes.data + size, bytes.size - size};
        take_all(&frame, &found);
    }
    frame_clear(&frame);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    shoal_bytes bytes = {data + 1, size - 1};
    struct found whole = read_in_pieces(bytes, SIZE_MAX),
                 pieces = read_in_pieces(bytes, 1 + data[0] % 64);
    MUST(whole.messages == pieces.messages && whole.bytes == pieces.bytes);
    MUST(whole.end == pieces.end);
    return 0;
}
