/* SPDX-License-Identifier: MIT */
/* The control socket: bytes that come in pieces are found to be the same
 * messages as in one piece, and each is taken apart as far as it goes. The
 * first byte of the input is the size of the pieces. */
#include "../../src/host/frame.h"
#include "../../src/script/rpc.h"
#include "../../src/script/value.h"
#include "state.h"

enum { LIMIT = 4096 };

struct found {
    unsigned messages;
    size_t bytes;
    int end; /* of frame_next() */
};

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
