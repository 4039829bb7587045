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
#include "../../wire/wire.h"
#include "../accused.h"
#include "../ask.h"
#include "../broadcast.h"
#include "../engine.h"
#include "../notify.h"
#include "../packet.h"
#include "../send.h"
#include "../update.h"
#include "../verdict.h"
#include "exchange_answer.h"
#include "lookahead.h"
#include "stranger.h"

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

/* ---- 1: is it a packet, and is it for us? ---- */

/* An announce is for an address. */
static bool is_for_us(const shoal *engine, const shoal_header *header)
{
    const struct identity *self = engine->self;
    if (header->dst.size > 0)
        return bytes_equal(header->dst, identity_id(self));
    return header->kind == SHOAL_MSG_ANNOUNCE
               ? header->dst_hash == wire_hash(identity_addr(self))
               : header->dst_hash == self->wire_hash;
}

/* By a hash nobody can tell whose address it is: whatever reaches us then was
 * sent to ours, but an announce, whose hash tells. */
static bool is_for_our_address(shoal *engine, const shoal_header *header)
{
    struct who dst;
    if (is_for_us(engine, header))
        return true;
    if (header->dst.size == 0)
        return header->kind != SHOAL_MSG_ANNOUNCE;
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
    bool is_beyond = header->src_incarnation == SHOAL_INCARNATION_LEFT &&
                     engine_heals(engine);
    shoal_update claim = {.id = header->src,
                          .incarnation = header->src_incarnation - is_beyond,
                          .state = SHOAL_ALIVE,
                          .no_tags = header->no_tags};
    struct member *member = src->member;
    if (!member || verdict_yields(engine, member, &claim)) {
        *error = update_apply_to(engine, src, &claim, true);
        member = members_find_id(&engine->members, header->src, src->hash);
    }
    if (member && header->no_tags)
        tags_note_none(engine, member);
    return *error ? NULL : member;
}

/* Of whoever may not talk to us, what it says about us is heard all the same,
 * and what it says about itself: that it has left. Otherwise two who hold each
 * other's newer identity would never meet. */
static int hear_about_us(shoal *engine, const struct who *src)
{
    int error = 0;
    for (uint32_t i = 0; i < engine->decoded.count && !error; i++) {
        const shoal_update *claim = &engine->decoded.claims[i];
        struct who who;
        bool is_about_us = engine_heals(engine) &&
                           ask_who(engine, claim->id, &who) == 0 &&
                           bytes_equal(who.addr, identity_addr(engine->self));
        bool is_about_it =
            claim->state == SHOAL_DOWN && bytes_equal(claim->id, src->id);
        if (is_about_us || is_about_it)
            error = update_apply(engine, claim, src->member, true);
    }
    return error == SHOAL_ERR_NOMEM ? error : 0;
}

/* Whoever is not a member here is told why, so that it can become one. */
static int answer_stranger(shoal *engine, const shoal_header *header,
                           const struct who *src)
{
    bool is_defunct = engine->connection == SHOAL_CONNECTION_DEFUNCT;
    int error = hear_about_us(engine, src);
    if (!error && header->kind != SHOAL_MSG_TURN_UNDEAD && !is_defunct &&
        engine_heals(engine))
        verdict_answer(engine, src);
    return error;
}

/* There is no room for it. It asks again and again, and deserves to know; and
 * whoever pings us, since others told it of us, is to see that we are there. */
static void refuse(shoal *engine, const shoal_header *header,
                   const struct who *src)
{
    if (engine->handlers.codec.lifeguard &&
        (header->kind == SHOAL_MSG_PING ||
         engine_may(engine, LIMIT_REFUSAL, src->addr_hash,
                    engine->config.probe_period_us)))
        send_bare(engine, src, SHOAL_MSG_REFUSED, 0);
}

/* A member that is down does not count, but it is told, so that it can come
 * back: by refuting, or as somebody else. */
static int on_down_sender(shoal *engine, const shoal_header *header,
                          struct member *sender, const struct who *src)
{
    if (header->kind == SHOAL_MSG_TURN_UNDEAD)
        return accused_turn_undead(engine, sender->identity);
    engine_drop(engine, SHOAL_DROP_DOWN_SENDER, 0);
    if (engine_heals(engine))
        return answer_stranger(engine, header, src);
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
    if (!header->has_digest)
        return;
    delivery_calls.compare(engine, sender, header);
    round_compare(engine, sender, header);
}

static void on_ping(shoal *engine, const shoal_header *header,
                    struct identity *sender, const struct who *src)
{
    compare(engine, header, sender);
    send_message(engine, src, SHOAL_MSG_ACK, header->number, (shoal_bytes){0});
}

static void on_announce(shoal *engine, const struct who *src)
{
    if (stranger_ask_announcer(engine))
        return;
    if (!admission_may_list(engine, src)) {
        shoal_member view = who_view(src, 0, SHOAL_ALIVE);
        notify_turned_away(engine, &view, SHOAL_DROP_ANNOUNCES);
        engine_drop(engine, SHOAL_DROP_ANNOUNCES, 0);
        return;
    }
    send_message(engine, src, SHOAL_MSG_FEED, 0, (shoal_bytes){0});
}

/* `sender` is the identity that the packet came from; a claim in it may have
 * replaced it by another. */
static int on_message(shoal *engine, const shoal_header *header,
                      shoal_bytes items, struct identity *sender,
                      struct member *member)
{
    struct who who, *src = &who;
    who_from(src, sender);
    src->member = member->identity == sender ? member : NULL;
    switch ((shoal_message)header->kind) {
    case SHOAL_MSG_PING:
        on_ping(engine, header, sender, src);
        break;
    case SHOAL_MSG_ACK:
        if (look_on_ack(engine, header->src, header->number))
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
        look_on_forwarded_ack(engine, header->src, header->peer,
                              header->number);
        break;
    case SHOAL_MSG_NACK:
        look_on_nack(engine, header->src, header->peer, header->number);
        break;
    case SHOAL_MSG_ANNOUNCE:
        on_announce(engine, src);
        break;
    case SHOAL_MSG_TURN_UNDEAD:
        return accused_turn_undead(engine, sender);
    case SHOAL_MSG_REFUSED:
        look_on_refusal(engine, sender);
        if (src->member)
            notify_member(engine, SHOAL_EVENT_REFUSED, src->member,
                          (shoal_bytes){0});
        break;
    case SHOAL_MSG_EXCHANGE:
        exchange_receive(engine, items, src);
        round_receive(engine, items);
        delivery_calls.take_records(engine, items, sender, src->member);
        return fetch_receive(engine, items, sender);
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
    if (count == 0)
        return 0;
    ahead_begin(&ahead, engine, claims, count);
    for (uint32_t i = 0; i < count; i++) {
        struct member *found = ahead_next(&ahead);
        int error = update_apply(engine, &claims[i], found, true);
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
    bool is_exchange = header->kind == SHOAL_MSG_EXCHANGE;
    digest_note_changes(engine, true);
    engine->sender.exchanges = is_exchange;
    engine->sender.tells = is_exchange || header->kind == SHOAL_MSG_FEED;
    int error = apply_claims(engine);
    digest_note_changes(engine, !engine->sender.tells);
    engine->sender.tells = engine->sender.exchanges = false;
    if (header->kind == SHOAL_MSG_FEED)
        tasks_ask_for_more(engine, engine->decoded.count);
    if (!error && !is_exchange)
        error = broadcast_receive(engine, items, header->src);
    /* Whoever we are by now, it is not who was asked; and the defunct are
     * silent. */
    bool same = engine->self == self;
    identity_release(&engine->mem, self);
    if (!error && same && engine->connection != SHOAL_CONNECTION_DEFUNCT)
        error = on_message(engine, header, items, held, sender);
    identity_release(&engine->mem, held);
    return error;
}

/* For how long a member that was down for us may not know what has changed
 * meanwhile: until its own suspicions are over. */
static bool has_returned(const shoal *engine, struct member *sender)
{
    if (!sender->returned)
        return false;
    sender->returned =
        engine->now_us - sender->since_us < suspicion_longest(engine);
    return sender->returned;
}

static void count_packet(shoal *engine, const shoal_header *header, size_t size)
{
    engine->stats.received[header->kind]++;
    if (notify_is_wanted(engine, SHOAL_EVENT_PACKET_RECEIVED))
        notify_packet(engine, SHOAL_EVENT_PACKET_RECEIVED, header->src, header,
                      engine->decoded.count, size);
}

/* It is no member, or down, and may not even be where it says. */
static int on_unproven(shoal *engine, const shoal_header *header,
                       shoal_bytes items, const struct who *src)
{
    if (src->member)
        return on_down_sender(engine, header, src->member, src);
    return stranger_answer(engine, header, items)
               ? 0
               : answer_stranger(engine, header, src);
}

static int accept(shoal *engine, const shoal_header *header, shoal_bytes items,
                  const struct who *src, size_t size)
{
    int error = 0;
    if (stranger_refuses(engine, header)) {
        count_packet(engine, header, size);
        stranger_on_refusal(engine, header);
        return 0;
    }
    if (stranger_must_show(engine, src))
        return on_unproven(engine, header, items, src);
    struct member *sender = meet_sender(engine, header, src, &error);
    if (error == SHOAL_ERR_FULL) { /* that is no fault of the packet */
        refuse(engine, header, src);
        return 0;
    }
    if (error == SHOAL_ERR_NOT_ADMITTED)
        return 0; /* and no answer */
    if (error == SHOAL_ERR_NOMEM)
        return engine_drop(engine, SHOAL_DROP_NOMEM, error);
    if (error) /* was counted */
        return error;
    if (!sender)
        return answer_stranger(engine, header, src);
    count_packet(engine, header, size);
    if (!member_is_active(sender))
        return on_down_sender(engine, header, sender, src);
    engine->sender.is_active = true;
    engine->sender.has_returned =
        engine_heals(engine) && has_returned(engine, sender);
    if (header->kind != SHOAL_MSG_ANNOUNCE)
        sender->fed = false;
    heard_note(&engine->heard, sender, engine->now_us);
    look_on_packet(engine, sender->identity);
    return handle(engine, header, items, sender);
}

/* It is for who we were, or for somebody who takes our address. */
static int overhear(shoal *engine, const shoal_header *header,
                    const struct who *src)
{
    engine_drop(engine, SHOAL_DROP_NOT_FOR_US, 0);
    int error = stranger_is_heard(engine) ? hear_about_us(engine, src) : 0;
    if (!error)
        error = accused_overhear(engine, header->dst);
    if (!error)
        accused_answer(engine, header);
    return error;
}

/* An announce may name an identity of ours that is long gone, or a newer one:
 * whoever sends it knows just an address. */
static int deliver(shoal *engine, const shoal_header *header, shoal_bytes items,
                   const struct who *src, size_t size)
{
    bool is_us = is_for_us(engine, header);
    if (!is_us && header->kind != SHOAL_MSG_ANNOUNCE)
        return overhear(engine, header, src);
    int error = is_us ? 0 : accused_overhear(engine, header->dst);
    return error ? error : accept(engine, header, items, src, size);
}

/* A well-formed packet: its sender is at hand while it is handled. */
static int handle_from(shoal *engine, const shoal_header *header,
                       shoal_bytes items, const struct who *src, size_t size)
{
    struct identity *held =
        src->member ? identity_retain(src->member->identity) : NULL;
    engine->sender.who = src;
    engine->sender.is_active = src->member && member_is_active(src->member);
    engine->sender.has_returned = false;
    engine->sender.disputes = 0;
    cookie_begin(engine, header, size);
    int error = deliver(engine, header, items, src, size);
    if (!error)
        stranger_end(engine, header);
    engine->sender.who = NULL;
    engine->sender.has_returned = false;
    identity_release(&engine->mem, held);
    return error;
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
    if (!is_for_our_address(engine, &header))
        return engine_drop(engine, SHOAL_DROP_NOT_FOR_US, 0);
    if (admission_is_refused(engine, &src))
        return engine_drop(engine, SHOAL_DROP_NOT_ADMITTED, 0);
    error = check_indirect(engine, &header);
    shoal_bytes body = bytes_of(packet.data + used, packet.size - used);
    if (!error)
        error = packet_decode_body(engine, &header, &body);
    if (error)
        return engine_drop(engine, drop_for(error), error);
    return handle_from(engine, &header, body, &src, packet.size);
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
