/* SPDX-License-Identifier: MIT */
#include "deputy_reply.h"

#include "../base/bytes.h"
#include "../wire/wire.h"
#include "padded_ping.h"

#include <string.h>

static shoal_bytes ourselves(const struct deputy_reply *reply)
{
    return (shoal_bytes){reply->id, reply->id_size};
}

/* ---- Facts ---- */

void deputy_reply_learn(struct deputy_reply *reply, const shoal *engine)
{
    shoal_member self = shoal_self(engine);
    bool same = bytes_equal(ourselves(reply), self.id);

    if (!same) {
        memcpy(reply->id, self.id.data, self.id.size);
        reply->id_size = self.id.size;
    }
    if (!same || self.incarnation > reply->incarnation)
        reply->incarnation = self.incarnation;
    reply->max_packet_size = shoal_get_config(engine)->max_packet_size;
    reply->refutes_down = shoal_get_config(engine)->notify_down_members;
    reply->answers =
        self.state == SHOAL_ALIVE && padded_ping_is_possible(engine);
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

static void note(const struct deputy_reply *reply, const shoal_update *claim,
                 struct rumour *rumour)
{
    if (!bytes_equal(claim->id, ourselves(reply)))
        return;
    if (claim->state == SHOAL_ALIVE)
        return;
    if (claim->state == SHOAL_DOWN && !reply->refutes_down)
        rumour->down = true;
    if (!rumour->accused || claim->incarnation > rumour->incarnation)
        rumour->incarnation = claim->incarnation;
    rumour->accused = true;
}

/* Moves `*body` behind the claims. false: they are not well-formed. */
static bool read_claims(const struct deputy_reply *reply, shoal_bytes *body,
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
        note(reply, &claim, rumour);
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

static bool read_body(const struct deputy_reply *reply, uint8_t kind,
                      shoal_bytes body, struct rumour *rumour)
{
    if (wire_has_claims(kind) && !read_claims(reply, &body, rumour))
        return false;
    return wire_has_items(kind) ? are_items(body) : body.size == 0;
}

/* From which the engine goes on as somebody else. */
static bool is_last(const struct deputy_reply *reply, uint16_t incarnation)
{
    return incarnation >= SHOAL_MAX_INCARNATION - reply->refutes_down;
}

static void believe(struct deputy_reply *reply, const struct rumour *rumour)
{
    bool refutes = rumour->accused && rumour->incarnation >= reply->incarnation;

    if (rumour->down || (refutes && is_last(reply, rumour->incarnation)))
        reply->answers = false; /* as this identity we have no say */
    else if (refutes)
        reply->incarnation = (uint16_t)(rumour->incarnation + 1);
}

/* ---- Answers ---- */

/* A packet that is for us, and from somebody else. */
static bool read_packet(const struct deputy_reply *reply, shoal_bytes packet,
                        shoal_header *header, struct rumour *rumour)
{
    shoal_codec codec = shoal_default_codec();
    shoal_bytes self = ourselves(reply);
    size_t used;

    if (packet.size > reply->max_packet_size ||
        codec.decode_header(codec.context, packet, header, &used) != 0)
        return false;
    if (header->dst_hash != wire_hash(self) || bytes_equal(header->src, self) ||
        (header->peer.size > 0 && bytes_equal(header->peer, self)))
        return false;
    *rumour = (struct rumour){.down = header->kind == SHOAL_MSG_TURN_UNDEAD};
    packet.data += used;
    packet.size -= used;
    return read_body(reply, header->kind, packet, rumour);
}

/* The answer to what `asked` begins with; false: it wants none from us. */
static bool make_header(const struct deputy_reply *reply,
                        const shoal_header *asked, shoal_header *answer)
{
    *answer = (shoal_header){.number = asked->number,
                             .src_incarnation = reply->incarnation,
                             .src = ourselves(reply),
                             .dst_hash = wire_hash(asked->src),
                             .peer = asked->peer};
    if (asked->kind == SHOAL_MSG_PING)
        answer->kind = SHOAL_MSG_ACK;
    else if (asked->kind == SHOAL_MSG_INDIRECT_PING)
        answer->kind = SHOAL_MSG_INDIRECT_ACK;
    else
        return false;
    return true;
}

static size_t write_packet(const struct deputy_reply *reply,
                           const shoal_header *header, uint8_t *out)
{
    shoal_codec codec = shoal_default_codec();
    size_t room = DEPUTY_REPLY_MAX, size;

    if (room > reply->max_packet_size)
        room = reply->max_packet_size;
    if (codec.encode_header(codec.context, header, out, room, &size) != 0)
        return 0;
    return size;
}

size_t deputy_reply_answer(struct deputy_reply *reply, shoal_bytes packet,
                           uint8_t *out)
{
    shoal_header asked, answer;
    struct rumour rumour;

    if (!reply->answers || !read_packet(reply, packet, &asked, &rumour))
        return 0;
    believe(reply, &rumour);
    if (!reply->answers || !make_header(reply, &asked, &answer))
        return 0;
    return write_packet(reply, &answer, out);
}
