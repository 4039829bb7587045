/* SPDX-License-Identifier: MIT */
#include "stranger.h"

#include "../ask.h"
#include "../engine.h"
#include "../notify.h"
#include "../send.h"
#include "exchange_answer.h"

bool stranger_refuses(const shoal *engine, const shoal_header *header)
{
    const struct who *src = engine->sender.who;
    return header->kind == SHOAL_MSG_REFUSED &&
           !members_find_addr(&engine->members, src->addr, src->addr_hash);
}

void stranger_on_refusal(shoal *engine, const shoal_header *header)
{
    shoal_member view =
        who_view(engine->sender.who, header->src_incarnation, SHOAL_ALIVE);
    notify_view(engine, SHOAL_EVENT_REFUSED, &view);
}

/* Then it is refused, whether it shows anything or not. */
static bool is_room_for(const shoal *engine, const struct who *src)
{
    const struct members *members = &engine->members;
    return members->count < engine->config.max_members ||
           members_oldest_down(members) ||
           members_find_addr(members, src->addr, src->addr_hash);
}

bool stranger_must_show(const shoal *engine, const struct who *src)
{
    return cookie_is_on(engine) && !engine->sender.is_proven &&
           !(src->member && member_is_active(src->member)) &&
           is_room_for(engine, src);
}

bool stranger_is_heard(const shoal *engine)
{
    const struct who *src = engine->sender.who;
    return !stranger_must_show(engine, src) ||
           members_find_addr(&engine->members, src->addr, src->addr_hash);
}

static bool is_replaced(shoal *engine, const struct who *src)
{
    const struct member *other =
        members_find_addr(&engine->members, src->addr, src->addr_hash);
    return other && !ask_wins(engine, src->id, identity_id(other->identity));
}

static void ask_to_show(shoal *engine, const shoal_header *header,
                        shoal_bytes items)
{
    const struct who *src = engine->sender.who;
    uint64_t sent = engine->stats.packets_sent;
    if (engine->sender.was_asked)
        send_bare(engine, src, SHOAL_MSG_ANNOUNCE, 0);
    else if (header->kind == SHOAL_MSG_EXCHANGE)
        exchange_receive(engine, items, src);
    if (sent == engine->stats.packets_sent)
        send_bare_answer(engine, src, header);
    if (header->kind == SHOAL_MSG_ANNOUNCE) /* it waits for long, else */
        send_bare_answer(engine, src, header);
}

bool stranger_answer(shoal *engine, const shoal_header *header,
                     shoal_bytes items)
{
    bool replaced = is_replaced(engine, engine->sender.who);
    engine_drop(engine, replaced ? SHOAL_DROP_REPLACED : SHOAL_DROP_STRANGER,
                0);
    if (!replaced && engine->connection != SHOAL_CONNECTION_DEFUNCT)
        ask_to_show(engine, header, items);
    return !replaced;
}

bool stranger_ask_announcer(shoal *engine)
{
    if (!cookie_is_on(engine) || engine->sender.is_proven)
        return false;
    send_bare_gossip(engine, engine->sender.who, NULL);
    return true;
}

/* Does it look as if we were unknown there? In exchanges, and beside a digest,
 * a cookie is for the next question. */
static bool is_asked_to_show(const shoal_header *header)
{
    switch ((shoal_message)header->kind) {
    case SHOAL_MSG_ACK:
        return !header->has_digest;
    case SHOAL_MSG_GOSSIP:
    case SHOAL_MSG_INDIRECT_ACK:
        return true;
    default:
        return false;
    }
}

/* It answers an announce of ours, if it has nothing else to say: then the feed
 * is still to come. It may have said so twice. */
static shoal_message kind_of_echo(shoal *engine, const shoal_header *header)
{
    bool is_answer = engine->sender.is_proven || engine->sender.was_asked;
    return header->kind == SHOAL_MSG_GOSSIP && is_answer &&
                   engine->decoded.count == 0 &&
                   engine_may(engine, LIMIT_FEED, engine->sender.who->addr_hash,
                              engine->config.probe_rtt_us / 10)
               ? SHOAL_MSG_ANNOUNCE
               : SHOAL_MSG_GOSSIP;
}

void stranger_end(shoal *engine, const shoal_header *header)
{
    const struct who *src = engine->sender.who;
    if (engine->sender.cookie == 0 ||
        engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return;
    const struct member *member =
        members_find_addr(&engine->members, src->addr, src->addr_hash);
    if (!member || member_has_left(member)) /* a late packet of nobody */
        return;
    cookie_keep(engine);
    if (engine->sender.echoed || !is_asked_to_show(header))
        return;
    shoal_message kind = kind_of_echo(engine, header);
    if (kind == SHOAL_MSG_GOSSIP && engine->sender.is_active)
        send_message(engine, src, kind, 0, (shoal_bytes){0});
    else
        send_bare(engine, src, kind, 0);
}
