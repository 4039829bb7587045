/* SPDX-License-Identifier: MIT */
#include "padded_ping.h"

#include "../wire/wire.h"

bool padded_ping_is_possible(const shoal *engine)
{
    return shoal_get_codec(engine)->decode_header ==
           shoal_default_codec().decode_header;
}

/* The number of claims, then the claims. */
static size_t write_claims(const shoal_member *self, uint8_t *out, size_t room)
{
    const shoal_update claim = {
        .id = self->id, .incarnation = self->incarnation, .state = SHOAL_ALIVE};
    shoal_codec codec = shoal_default_codec();
    size_t size = 2, used, count = 0;

    if (room < 2)
        return 0;
    while (codec.encode_member(codec.context, &claim, out + size, room - size,
                               &used) == 0) {
        size += used;
        count++;
    }
    out[0] = (uint8_t)(count >> 8);
    out[1] = (uint8_t)count;
    return size;
}

size_t padded_ping(const shoal *engine, shoal_bytes to, uint8_t number,
                   uint8_t *out, size_t size)
{
    shoal_codec codec = shoal_default_codec();
    shoal_member self = shoal_self(engine);
    const shoal_header header = {.kind = SHOAL_MSG_PING,
                                 .number = number,
                                 .src_incarnation = self.incarnation,
                                 .src = self.id,
                                 .dst_hash = wire_hash(to)};
    size_t used;

    if (!padded_ping_is_possible(engine) ||
        codec.encode_header(codec.context, &header, out, size, &used) != 0)
        return 0;
    return used + write_claims(&self, out + used, size - used);
}
