/* SPDX-License-Identifier: MIT */
/* What could be sent: does a packet hold it? */
#include "ask.h"
#include "engine.h"
#include "send.h"

static int check_header(shoal *engine, const shoal_header *header, size_t rest,
                        shoal_bytes claimed)
{
    uint8_t bytes[4 * SHOAL_MAX_IDENTITY + MAX_CLAIM];
    size_t room = engine->config.max_packet_size, size, more = 0;
    if (room > sizeof bytes)
        room = sizeof bytes;
    int error = ask_encode_header(engine, header, bytes, room, &size);
    if (!error && claimed.size > 0)
        error = ask_encode_member(engine, &(shoal_update){.id = claimed},
                                  bytes + size, room - size, &more);
    return !error && size + more + rest > room ? SHOAL_ERR_TOO_BIG : error;
}

int send_check_identity(shoal *engine, shoal_bytes id, bool is_ours)
{
    if (id.size <= engine->config.max_packet_size / 5)
        return 0;
    /* Without it in the header there still is who suspects it (claim.from). */
    size_t rest =
        SEND_COUNT + (engine->handlers.codec.hashes_dst ? id.size : 0);
    shoal_header header = {.kind = SHOAL_MSG_PING_REQ,
                           .number = UINT8_MAX,
                           .src_incarnation = UINT16_MAX,
                           .src = is_ours ? id : identity_id(engine->self),
                           .dst = id,
                           .dst_hash = UINT32_MAX,
                           .peer = id,
                           .wants_nack = true};
    int error = check_header(engine, &header, rest, (shoal_bytes){0});
    header.kind = SHOAL_MSG_GOSSIP;
    header.peer = (shoal_bytes){0};
    header.wants_nack = false;
    if (!error)
        error = check_header(engine, &header, rest, id);
    if (error == SHOAL_ERR_TOO_BIG)
        engine_set_detail(
            engine, "the identity does not fit into a packet three times");
    return error;
}
