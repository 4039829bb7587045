/* SPDX-License-Identifier: MIT */
/*
 * A packet, from refusal to reply:
 *
 *   1  is it one, and is it for us?      decode_*(), check_*()
 *   2  who sent it?                      meet_sender()
 *   3  what does it claim of others?     update_apply() for each
 *   4  what else does it carry?          broadcast_receive()
 *   5  what does it want?                one on_<message>() per kind
 *
 * Nothing is applied before the whole packet was found to be well-formed.
 */
#include "engine.h"

/* Why an error refuses the packet, for the counters. */
static shoal_drop drop_for(int error)
{
    switch ((shoal_error)error) {
    case SHOAL_ERR_TOO_BIG:
        return SHOAL_DROP_TOO_BIG;
    case SHOAL_ERR_UNSUPPORTED:
        return SHOAL_DROP_UNSUPPORTED;
    case SHOAL_ERR_FROM_OURSELVES:
        return SHOAL_DROP_FROM_OURSELVES;
    case SHOAL_ERR_INDIRECT_FOR_OURSELVES:
        return SHOAL_DROP_INDIRECT_FOR_OURSELVES;
    case SHOAL_ERR_CODEC:
        return SHOAL_DROP_CODEC;
    case SHOAL_ERR_IDENTITY:
        return SHOAL_DROP_IDENTITY;
    case SHOAL_ERR_NOMEM:
        return SHOAL_DROP_NOMEM;
    default:
        return SHOAL_DROP_MALFORMED;
    }
}

static bool has_body(uint8_t kind)
{
    return kind != SHOAL_MSG_ANNOUNCE && kind != SHOAL_MSG_TURN_UNDEAD;
}

/* ---- 1: is it a packet, and is it for us? ---- */

static int reserve_claims(shoal *engine, uint32_t count)
{
    if (count <= engine->decoded.capacity)
        return 0;
    uint32_t capacity =
        engine->decoded.capacity ? engine->decoded.capacity : 32;
    while (capacity < count)
        capacity *= 2;
    shoal_update *claims = mem_resize(&engine->mem, engine->decoded.claims,
                                      engine->decoded.capacity * sizeof *claims,
                                      capacity * sizeof *claims);
    if (!claims)
        return SHOAL_ERR_NOMEM;
    engine->decoded.claims = claims;
    engine->decoded.capacity = capacity;
    return 0;
}

/* Moves `*body` behind the claims. */
static int decode_claims(shoal *engine, shoal_bytes *body)
{
    if (body->size == 0)
        return 0;
    if (body->size < 2)
        return SHOAL_ERR_MALFORMED;
    uint32_t count = bytes_u16be(body->data);
    *body = bytes_of(body->data + 2, body->size - 2);
    if (count > body->size) /* each takes a byte at the very least */
        return SHOAL_ERR_MALFORMED;
    int error = reserve_claims(engine, count);
    for (uint32_t i = 0; i < count && !error; i++) {
        size_t used;
        error =
            ask_decode_member(engine, *body, &engine->decoded.claims[i], &used);
        if (!error)
            *body = bytes_of(body->data + used, body->size - used);
    }
    engine->decoded.count = error ? 0 : count;
    return error;
}

/* Claims into engine->decoded; what is left in `*body` are the items. */
static int decode_body(shoal *engine, const shoal_header *header,
                       shoal_bytes *body)
{
    engine->decoded.count = 0;
    if (!has_body(header->kind))
        return body->size == 0 ? 0 : SHOAL_ERR_MALFORMED;
    if (header->kind != SHOAL_MSG_BROADCAST) {
        int error = decode_claims(engine, body);
        if (error)
            return error;
    }
    return broadcast_check(*body);
}

/* An announce may name an identity of ours that is long gone: whoever sends it
 * knows just an address. */
static bool is_for_us(shoal *engine, const shoal_header *header)
{
    if (bytes_equal(header->dst, identity_id(engine->self)))
        return true;
    if (header->kind != SHOAL_MSG_ANNOUNCE)
        return false;
    struct who dst;
    return ask_who(engine, header->dst, &dst) == 0 &&
           bytes_equal(dst.addr, identity_addr(engine->self));
}

/* An indirect probe has three parties; two of them cannot be us. */
static int check_indirect(const shoal *engine, const shoal_header *header)
{
    bool ours = header->peer.size > 0 &&
                bytes_equal(header->peer, identity_id(engine->self));
    return ours ? SHOAL_ERR_INDIRECT_FOR_OURSELVES : 0;
}

/* ---- 2: who sent it? ---- */

/* The sender, whose header says that it is alive, as a member; NULL when it may
 * not talk to us (counted), or on an error. */
static struct member *meet_sender(shoal *engine, const shoal_header *header,
                                  const struct who *src, int *error)
{
    shoal_update claim = {.id = header->src,
                          .incarnation = header->src_incarnation,
                          .state = SHOAL_ALIVE};
    struct member *member = src->member;
    if (!member || member_overrides(member->state, member->incarnation,
                                    SHOAL_ALIVE, claim.incarnation)) {
        *error = update_apply_to(engine, src, &claim, true);
        member = members_find_id(&engine->members, header->src, src->hash);
    }
    if (*error == SHOAL_ERR_FULL)
        *error = 0; /* that is no fault of the packet */
    return *error ? NULL : member;
}

/* Whoever says so knows us as down: only as somebody new can we be heard, and
 * he is the first to tell. After a partition, that is the bridge. */
static int on_turn_undead(shoal *engine, const struct identity *sender)
{
    uint64_t renewals = engine->stats.renewals;
    int error = self_declared_down(engine, true);
    if (error || engine->stats.renewals == renewals)
        return error;
    struct who to;
    who_from(&to, sender);
    send_message(engine, &to, SHOAL_MSG_ANNOUNCE, 0, (shoal_bytes){0});
    return 0;
}

/* A member that is down does not count, but it is told, so that it can come
 * back as somebody else. */
static int on_down_sender(shoal *engine, const shoal_header *header,
                          const struct member *sender)
{
    if (header->kind == SHOAL_MSG_TURN_UNDEAD)
        return on_turn_undead(engine, sender->identity);
    engine_drop(engine, SHOAL_DROP_DOWN_SENDER, 0);
    if (engine->config.notify_down_members &&
        engine->connection != SHOAL_CONNECTION_DEFUNCT)
        send_to_member(engine, sender, SHOAL_MSG_TURN_UNDEAD, 0,
                       (shoal_bytes){0});
    return 0;
}

/* ---- 5: what does it want? ---- */

static void compare(shoal *engine, const shoal_header *header,
                    struct identity *sender)
{
    if (header->has_digest)
        digest_compare(engine, sender, header);
}

static void on_ping(shoal *engine, const shoal_header *header,
                    struct identity *sender, const struct who *src)
{
    compare(engine, header, sender);
    send_message(engine, src, SHOAL_MSG_ACK, header->number, (shoal_bytes){0});
}

static void on_announce(shoal *engine, const struct who *src)
{
    send_message(engine, src, SHOAL_MSG_FEED, 0, (shoal_bytes){0});
}

/* `sender` is the identity that the packet came from; a claim in it may have
 * replaced it by another. */
static int on_message(shoal *engine, const shoal_header *header,
                      struct identity *sender, struct member *member)
{
    struct who who, *src = &who;
    who_from(src, sender);
    src->member = member->identity == sender ? member : NULL;
    switch ((shoal_message)header->kind) {
    case SHOAL_MSG_PING:
        on_ping(engine, header, sender, src);
        break;
    case SHOAL_MSG_ACK:
        probe_on_ack(engine, header->src, header->number);
        compare(engine, header, sender);
        break;
    case SHOAL_MSG_PING_REQ:
        indirect_on_ping_req(engine, header);
        break;
    case SHOAL_MSG_INDIRECT_PING:
        indirect_on_ping(engine, header, src);
        break;
    case SHOAL_MSG_INDIRECT_ACK:
        indirect_on_ack(engine, header);
        break;
    case SHOAL_MSG_FORWARDED_ACK:
        probe_on_forwarded_ack(engine, header->src, header->peer,
                               header->number);
        break;
    case SHOAL_MSG_NACK:
        probe_on_nack(engine, header->src, header->peer, header->number);
        break;
    case SHOAL_MSG_ANNOUNCE:
        on_announce(engine, src);
        break;
    case SHOAL_MSG_TURN_UNDEAD:
        return on_turn_undead(engine, sender);
    case SHOAL_MSG_FEED:
    case SHOAL_MSG_GOSSIP:
    case SHOAL_MSG_BROADCAST:
    case SHOAL_NUM_MESSAGES:
        break;
    }
    return 0;
}

/* ---- All of it ---- */

static int apply_claims(shoal *engine)
{
    const shoal_update *claims = engine->decoded.claims;
    uint32_t count = engine->decoded.count;
    struct ahead ahead;
    ahead_begin(&ahead, engine, claims, count);
    for (uint32_t i = 0; i < count; i++) {
        int error = update_apply(engine, &claims[i], ahead_next(&ahead), true);
        if (error == SHOAL_ERR_NOMEM)
            return engine_drop(engine, SHOAL_DROP_NOMEM, error);
    }
    return 0;
}

/* Steps 3 to 5. */
static int handle(shoal *engine, const shoal_header *header, shoal_bytes items,
                  struct member *sender)
{
    struct identity *held = identity_retain(sender->identity);
    struct identity *self = identity_retain(engine->self);
    int error = apply_claims(engine);
    if (header->kind == SHOAL_MSG_FEED)
        engine_ask_for_more(engine, engine->decoded.count);
    if (!error)
        error = broadcast_receive(engine, items, header->src);
    /* Whoever we are by now, it is not who was asked; and the defunct are
     * silent. */
    bool same = engine->self == self;
    identity_release(&engine->mem, self);
    if (!error && same && engine->connection != SHOAL_CONNECTION_DEFUNCT)
        error = on_message(engine, header, held, sender);
    identity_release(&engine->mem, held);
    return error;
}

static int accept(shoal *engine, const shoal_header *header, shoal_bytes items,
                  const struct who *src, size_t size)
{
    int error = 0;
    struct member *sender = meet_sender(engine, header, src, &error);
    if (!sender)
        return error ? engine_drop(engine, drop_for(error), error) : 0;
    engine->stats.received[header->kind]++;
    notify_packet(engine, SHOAL_EVENT_PACKET_RECEIVED, header->src,
                  header->kind, engine->decoded.count, size);
    if (!member_is_active(sender))
        return on_down_sender(engine, header, sender);
    return handle(engine, header, items, sender);
}

static int receive(shoal *engine, shoal_bytes packet)
{
    if (packet.size > engine->config.max_packet_size)
        return engine_drop(engine, SHOAL_DROP_TOO_BIG, SHOAL_ERR_TOO_BIG);
    shoal_header header;
    struct who src;
    size_t used;
    int error = ask_decode_header(engine, packet, &header, &used);
    if (!error)
        error = ask_who(engine, header.src, &src);
    if (!error && bytes_equal(src.addr, identity_addr(engine->self)))
        error = SHOAL_ERR_FROM_OURSELVES;
    if (error)
        return engine_drop(engine, drop_for(error), error);
    if (!is_for_us(engine, &header)) {
        self_overhear(engine, header.dst);
        return engine_drop(engine, SHOAL_DROP_NOT_FOR_US, 0);
    }
    error = check_indirect(engine, &header);
    shoal_bytes body = bytes_of(packet.data + used, packet.size - used);
    if (!error)
        error = decode_body(engine, &header, &body);
    if (error)
        return engine_drop(engine, drop_for(error), error);
    return accept(engine, &header, body, &src, packet.size);
}

int shoal_receive(shoal *engine, uint64_t now_us, shoal_bytes packet)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    engine->stats.packets_received++;
    engine->stats.bytes_received += packet.size;
    return engine_leave(engine, receive(engine, packet));
}
