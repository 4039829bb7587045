/* SPDX-License-Identifier: MIT */
#include "send.h"

#include "../wire/wire.h"
#include "ask.h"
#include "engine.h"
#include "packet.h"

/* ---- One message ---- */

/* What every path carries (RFC 791: 576 bytes, less the headers of IP and
 * UDP). */
enum { SMALL_PACKET = 548 };

/* Can a feed of that size list anybody? */
static bool is_room_for_one(const shoal *engine, const struct who *to,
                            size_t size)
{
    size_t names =
        identity_id(engine->self).size + members_largest_id(&engine->members);
    if (!engine->handlers.codec.hashes_dst)
        names += to->id.size;
    return names + SEND_OVERHEAD <= size;
}

/* Whoever asks again has not heard the last feed, perhaps because nothing so
 * large arrives: then a smaller one is tried. */
static size_t room_for_feed(const shoal *engine, const struct who *to,
                            struct member *member)
{
    uint32_t room = engine->config.max_packet_size;
    bool again = member && member->fed;
    if (member)
        member->fed = true;
    return again && room > SMALL_PACKET &&
                   is_room_for_one(engine, to, SMALL_PACKET)
               ? SMALL_PACKET
               : room;
}

/* A suspect hears of it first, with the very ping that it must answer, whatever
 * else waits (Lifeguard 4.C, the buddy system). */
static bool tells_suspect(const shoal *engine, const struct member *to,
                          shoal_message kind)
{
    return kind == SHOAL_MSG_PING && engine->config.tell_suspects && to &&
           to->state == SHOAL_SUSPECT;
}

/* Then most of them are gone, and what is sent to them is wasted. */
static bool are_many_suspect(const shoal *engine)
{
    const struct members *members = &engine->members;
    return engine_has_lifeguard(engine) &&
           members->num_suspects > members->active.count / 5;
}

static void send_known(shoal *engine, const struct who *to,
                       struct member *member, shoal_message kind,
                       uint8_t number, shoal_bytes peer)
{
    shoal_update claim;
    struct message message = {.to = to,
                              .kind = kind,
                              .number = number,
                              .peer = peer,
                              .lists = kind == SHOAL_MSG_FEED};
    /* wanted_by is about members; a stranger gets no items */
    message.with_items = member && wire_has_items(kind) &&
                         engine->items.count > 0 &&
                         ask_wanted_by(engine, member);
    message.with_topics = member && wire_has_items(kind) &&
                          kind != SHOAL_MSG_EXCHANGE &&
                          engine->topics.waiting.count > 0;
    if (tells_suspect(engine, member, kind)) {
        claim = member_claim(member);
        message.claim = &claim;
        message.is_bare = are_many_suspect(engine);
    }
    if (kind == SHOAL_MSG_FEED)
        message.room = room_for_feed(engine, to, member);
    packet_send(engine, &message);
}

void send_to_member(shoal *engine, struct member *to, shoal_message kind,
                    uint8_t number, shoal_bytes peer)
{
    struct who who;
    who_from(&who, to->identity);
    send_known(engine, &who, to, kind, number, peer);
}

void send_message(shoal *engine, const struct who *to, shoal_message kind,
                  uint8_t number, shoal_bytes peer)
{
    struct member *member = to->member;
    if (!member)
        member = members_find_id(&engine->members, to->id, to->hash);
    send_known(engine, to, member, kind, number, peer);
}

void send_claim(shoal *engine, const struct identity *to,
                const shoal_update *claim)
{
    struct who who;
    who_from(&who, to);
    packet_send(engine, &(struct message){.to = &who,
                                          .kind = SHOAL_MSG_GOSSIP,
                                          .claim = claim});
}

void send_bare_gossip(shoal *engine, const struct who *to,
                      const shoal_update *claim)
{
    packet_send(engine, &(struct message){.to = to,
                                          .kind = SHOAL_MSG_GOSSIP,
                                          .claim = claim,
                                          .is_bare = true});
}

void send_bare(shoal *engine, const struct who *to, shoal_message kind,
               uint8_t number)
{
    packet_send(engine,
                &(struct message){
                    .to = to, .kind = kind, .number = number, .is_bare = true});
}

void send_bare_answer(shoal *engine, const struct who *to,
                      const shoal_header *header)
{
    struct message message = {.to = to,
                              .kind = SHOAL_MSG_GOSSIP,
                              .number = header->number,
                              .is_bare = true};
    if (header->kind == SHOAL_MSG_PING)
        message.kind = SHOAL_MSG_ACK;
    if (header->kind == SHOAL_MSG_INDIRECT_PING) {
        message.kind = SHOAL_MSG_INDIRECT_ACK;
        message.peer = header->peer;
    }
    packet_send(engine, &message);
}

bool send_exchange(shoal *engine, const struct who *to,
                   struct tell_list *telling)
{
    uint64_t before = engine->stats.packets_sent;
    packet_send(engine, &(struct message){.to = to,
                                          .kind = SHOAL_MSG_EXCHANGE,
                                          .telling = telling});
    return engine->stats.packets_sent != before;
}

void send_gossip(shoal *engine, uint32_t fanout)
{
    struct member *to[MEMBERS_MAX_PICK];
    uint32_t n = members_pick(
        &engine->members, &engine->members.active, &engine->rng, fanout,
        are_many_suspect(engine) ? members_alive : NULL, NULL, to);
    for (uint32_t i = 0; i < n; i++)
        send_to_member(engine, to[i], SHOAL_MSG_GOSSIP, 0, (shoal_bytes){0});
}

static void announce_to(shoal *engine, struct member *to[], uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct who who;
        who_from(&who, to[i]->identity);
        send_bare(engine, &who, SHOAL_MSG_ANNOUNCE, 0);
    }
}

void send_announces(shoal *engine, uint32_t count)
{
    struct member *to[MEMBERS_MAX_PICK];
    uint32_t n = members_pick(&engine->members, &engine->members.active,
                              &engine->rng, count, NULL, NULL, to);
    announce_to(engine, to, n);
}

void send_announces_to_down(shoal *engine, uint32_t count)
{
    struct member *to[MEMBERS_MAX_PICK];
    announce_to(engine, to,
                members_pick_down(&engine->members, &engine->rng, count, to));
}

static bool wants_items(void *context, const struct member *member)
{
    return ask_wanted_by(context, member);
}

/* Updates that wait would leave a large item no room. */
uint32_t send_items(shoal *engine, uint32_t fanout, shoal_message kind)
{
    struct member *to[MEMBERS_MAX_PICK];
    uint32_t n = members_pick(&engine->members, &engine->members.active,
                              &engine->rng, fanout, wants_items, engine, to);
    uint32_t sent = 0;
    for (uint32_t i = 0; i < n && engine->items.count > 0; i++) {
        struct who who;
        who_from(&who, to[i]->identity);
        sent += packet_send(engine, &(struct message){.to = &who,
                                                      .kind = kind,
                                                      .is_bare = true,
                                                      .with_items = true,
                                                      .needs_items = true});
    }
    return sent;
}

/* What was published in packets of its own: large items find no room in
 * others. */
void send_topics(shoal *engine, uint32_t fanout)
{
    enum { PACKETS = 4 };
    const struct backlog *waiting = &engine->topics.waiting;
    struct member *to[MEMBERS_MAX_PICK];
    uint32_t n = members_pick(&engine->members, &engine->members.active,
                              &engine->rng, fanout, members_alive, NULL, to);
    for (uint32_t i = 0; i < n * PACKETS && waiting->count > 0; i++) {
        struct who who;
        who_from(&who, to[i % n]->identity);
        packet_send(engine, &(struct message){.to = &who,
                                              .kind = SHOAL_MSG_GOSSIP,
                                              .is_bare = true,
                                              .with_topics = true,
                                              .needs_items = true});
    }
}
