/* SPDX-License-Identifier: MIT */
#include "deputy_reply.h"

#include "../base/bytes.h"
#include "../wire/wire.h"
#include "padded_ping.h"

#include <string.h>

static shoal_bytes ourselves(const struct standin *standin)
{
    return (shoal_bytes){standin->id, standin->id_size};
}

/* ---- Facts ---- */

void standin_learn(struct standin *standin, const shoal *engine)
{
    shoal_member self = shoal_self(engine);
    bool same = bytes_equal(ourselves(standin), self.id);

    if (!same) {
        memcpy(standin->id, self.id.data, self.id.size);
        standin->id_size = self.id.size;
    }
    if (!same || self.incarnation > standin->incarnation)
        standin->incarnation = self.incarnation;
    standin->max_packet_size = shoal_get_config(engine)->max_packet_size;
    standin->refutes_down = shoal_get_config(engine)->notify_down_members;
    standin->answers =
        self.state == SHOAL_ALIVE && speaks_default_codec(engine);
}

/* ---- What a packet says of us ---- */

struct rumour {
    bool down, accused;
    uint16_t incarnation; /* of the latest that can be refuted */
};

/* The number in front of claims and items. */
static bool take_u16(shoal_bytes *body, size_t *value)
{
    if (body->size < 2)
        return false;
    *value = bytes_u16be(body->data);
    body->data += 2;
    body->size -= 2;
    return true;
}

static void note(const struct standin *standin, const shoal_update *claim,
                 struct rumour *rumour)
{
    if (!bytes_equal(claim->id, ourselves(standin)))
        return;
    if (claim->state == SHOAL_ALIVE)
        return;
    if (claim->state == SHOAL_DOWN && !standin->refutes_down)
        rumour->down = true;
    if (!rumour->accused || claim->incarnation > rumour->incarnation)
        rumour->incarnation = claim->incarnation;
    rumour->accused = true;
}

/* Moves `*body` behind the claims. false: they are not well-formed. */
static bool read_claims(const struct standin *standin, shoal_bytes *body,
                        struct rumour *rumour)
{
    shoal_codec codec = shoal_default_codec();
    size_t count, used;

    if (body->size == 0)
        return true;
    if (!take_u16(body, &count))
        return false;
    while (count-- > 0) {
        shoal_update claim;

        if (codec.decode_member(codec.context, *body, &claim, &used) != 0)
            return false;
        note(standin, &claim, rumour);
        body->data += used;
        body->size -= used;
    }
    return true;
}

static bool are_items(shoal_bytes body)
{
    size_t size;

    while (body.size > 0) {
        if (!take_u16(&body, &size) || size == 0 || size > body.size)
            return false;
        body.data += size;
        body.size -= size;
    }
    return true;
}

static bool read_body(const struct standin *standin, uint8_t kind,
                      shoal_bytes body, struct rumour *rumour)
{
    if (wire_has_claims(kind) && !read_claims(standin, &body, rumour))
        return false;
    return wire_has_items(kind) ? are_items(body) : body.size == 0;
}

/* From which the engine goes on as somebody else. */
static bool is_last(const struct standin *standin, uint16_t incarnation)
{
    return incarnation >= SHOAL_MAX_INCARNATION - standin->refutes_down;
}

static void believe(struct standin *standin, const struct rumour *rumour)
{
    bool refutes =
        rumour->accused && rumour->incarnation >= standin->incarnation;

    if (rumour->down || (refutes && is_last(standin, rumour->incarnation)))
        standin->answers = false; /* as this identity we have no say */
    else if (refutes)
        standin->incarnation = (uint16_t)(rumour->incarnation + 1);
}

/* ---- Answers ---- */

/* A packet that is for us, and from somebody else. */
static bool read_packet(const struct standin *standin, shoal_bytes packet,
                        shoal_header *header, struct rumour *rumour)
{
    shoal_codec codec = shoal_default_codec();
    shoal_bytes self = ourselves(standin);
    size_t used;

    if (packet.size > standin->max_packet_size ||
        codec.decode_header(codec.context, packet, header, &used) != 0)
        return false;
    if (!bytes_equal(header->dst, self) || bytes_equal(header->src, self) ||
        (header->peer.size > 0 && bytes_equal(header->peer, self)))
        return false;
    *rumour = (struct rumour){.down = header->kind == SHOAL_MSG_TURN_UNDEAD};
    packet.data += used;
    packet.size -= used;
    return read_body(standin, header->kind, packet, rumour);
}

/* The answer to what `asked` begins with; false: it wants none from us. */
static bool make_header(const struct standin *standin,
                        const shoal_header *asked, shoal_header *answer)
{
    *answer = (shoal_header){.number = asked->number,
                             .src_incarnation = standin->incarnation,
                             .src = ourselves(standin),
                             .dst = asked->src,
                             .peer = asked->peer};
    if (asked->kind == SHOAL_MSG_PING)
        answer->kind = SHOAL_MSG_ACK;
    else if (asked->kind == SHOAL_MSG_INDIRECT_PING)
        answer->kind = SHOAL_MSG_INDIRECT_ACK;
    else
        return false;
    return true;
}

/* With an empty list of claims behind it, as an engine that has none writes it.
 */
static size_t write_packet(const struct standin *standin,
                           const shoal_header *header, uint8_t *out)
{
    shoal_codec codec = shoal_default_codec();
    size_t room = STANDIN_MAX_ANSWER, size;

    if (room > standin->max_packet_size)
        room = standin->max_packet_size;
    if (codec.encode_header(codec.context, header, out, room, &size) != 0)
        return 0;
    if (room - size <= 2)
        return size;
    out[size++] = 0;
    out[size++] = 0;
    return size;
}

size_t standin_answer(struct standin *standin, shoal_bytes packet, uint8_t *out)
{
    shoal_header asked, answer;
    struct rumour rumour;

    if (!standin->answers || !read_packet(standin, packet, &asked, &rumour))
        return 0;
    believe(standin, &rumour);
    if (!standin->answers || !make_header(standin, &asked, &answer))
        return 0;
    return write_packet(standin, &answer, out);
}
