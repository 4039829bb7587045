/* SPDX-License-Identifier: MIT */
/*
 * Packets to others:
 *
 *   announce, turn_undead   header
 *   broadcast               header  items...
 *   feed                    header  u16 count  members...  items...
 *   every other kind        header  u16 count  updates...  items...
 *
 * With no more than two bytes of room left behind the header, the count is left
 * out. A packet is built in place, at the end of the effect queue.
 */
#include "send.h"

#include "../wire/wire.h"
#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "repair.h"

struct message {
    const struct who *to;
    shoal_message kind;
    uint8_t number;
    shoal_bytes peer;
    size_t room; /* bytes of the packet; 0: as many as there may be */
    bool with_items, needs_items; /* needs: or it is not sent */
    bool with_topics;
    const shoal_update *claim; /* what it begins with; NULL: nothing */
    bool is_bare;              /* no other claim follows the header */
    bool lists;                /* active members */
    struct tell_list *telling; /* an exchange */
};

struct packet {
    uint8_t *bytes;
    size_t size, room; /* room: of the whole packet */
    uint32_t updates, items;
};

static bool compares(const struct message *message)
{
    return message->telling && message->telling->compares;
}

/* Has it no other purpose than to answer, to tell of a verdict, or to compare?
 */
static bool is_an_answer(const struct message *message)
{
    return (message->is_bare && !message->with_items) || compares(message);
}

static int write_header(shoal *engine, struct packet *packet,
                        const struct message *message)
{
    shoal_header header = {
        .kind = (uint8_t)message->kind,
        .number = message->number,
        .src_incarnation = engine->incarnation,
        .src = identity_id(engine->self),
        .dst = message->to->id,
        .dst_hash = message->kind == SHOAL_MSG_ANNOUNCE
                        ? wire_hash(message->to->addr)
                        : message->to->wire_hash,
        .peer = message->peer,
        .wants_nack = message->kind == SHOAL_MSG_PING_REQ &&
                      engine->handlers.codec.lifeguard &&
                      engine->config.max_local_health > 0,
    };
    header.no_tags = engine_tags(engine) == TAGS_NONE;
    header.has_digest = digest_take(engine, message->kind, &header.digest);
    header.has_digest |= repair_take(engine, message->kind, &header.digest);
    cookie_mark(engine, message->to, is_an_answer(message), &header);
    return ask_encode_header(engine, &header, packet->bytes, packet->room,
                             &packet->size);
}

static int write_claim(shoal *engine, struct packet *packet,
                       const shoal_update *claim)
{
    size_t size;
    int error = ask_encode_member(engine, claim, packet->bytes + packet->size,
                                  packet->room - packet->size, &size);
    if (error)
        return error;
    packet->size += size;
    packet->updates++;
    return 0;
}

/* Whole members until the first that does not fit; the next list goes on
 * there, so that those who ask again learn of different ones. */
static int write_list(shoal *engine, struct packet *packet,
                      const struct message *message)
{
    const struct order *active = &engine->members.active;
    for (uint32_t looks = active->count;
         looks > 0 && packet->updates < UINT16_MAX; looks--) {
        if (engine->feed_next >= active->count)
            engine->feed_next = 0;
        const struct member *member =
            members_at(&engine->members, active->slots[engine->feed_next]);
        shoal_update claim = member_claim(member);
        int error = bytes_equal(claim.id, message->to->id)
                        ? 0
                        : write_claim(engine, packet, &claim);
        if (error == SHOAL_ERR_TOO_BIG && packet->updates > 0)
            return 0;
        if (error && error != SHOAL_ERR_TOO_BIG) /* no packet could hold it */
            return error;
        engine->feed_next++;
    }
    return 0;
}

static shoal_update claim_about(const shoal *engine, uint32_t slot)
{
    const struct member *member =
        slot == NO_SLOT ? NULL : members_at(&engine->members, slot);
    shoal_update claim = {.id = identity_id(engine->self),
                          .incarnation = engine->incarnation,
                          .state = SHOAL_ALIVE};
    if (member)
        claim = member_claim(member);
    tags_tell(engine, &claim, member ? member->tags : engine_tags(engine));
    return claim;
}

/* Beside the records there may be no room even for one with its tags: then it
 * only tells of them. */
static int write_told(shoal *engine, struct packet *packet, uint32_t slot)
{
    shoal_update claim = claim_about(engine, slot);
    int error = write_claim(engine, packet, &claim);
    if (error != SHOAL_ERR_TOO_BIG || packet->updates > 0 ||
        claim.tags.size == 0)
        return error;
    claim.tags_size = (uint16_t)claim.tags.size;
    claim.tags = (shoal_bytes){0};
    return write_claim(engine, packet, &claim);
}

/* Leaves room for the records, which go with the last of them. */
static int write_telling(shoal *engine, struct packet *packet,
                         struct tell_list *telling)
{
    int error = 0;
    packet->room -= telling->records->size;
    while (!error && telling->told < telling->count) {
        error = write_told(engine, packet, telling->slots[telling->told]);
        telling->told += !error;
    }
    packet->room += telling->records->size;
    if (error == SHOAL_ERR_TOO_BIG && packet->updates == 0)
        telling->told++; /* no packet holds it */
    if (error == SHOAL_ERR_TOO_BIG && telling->is_last)
        telling->is_cut = true;
    return error == SHOAL_ERR_TOO_BIG ? 0 : error;
}

static void write_records(struct packet *packet, struct tell_list *telling)
{
    struct records *records = telling->records;
    bool is_over = telling->told == telling->count;
    if (!is_over && !telling->is_last)
        return;
    if (!is_over || telling->is_cut)
        records_cut(records);
    if (records->size <= packet->room - packet->size) {
        bytes_copy(packet->bytes + packet->size,
                   bytes_of(records->bytes, records->size));
        packet->size += records->size;
    }
    records->size = 0;
}

static void fill_from(shoal *engine, struct packet *packet,
                      struct backlog *backlog)
{
    uint32_t count;
    packet->size += backlog_fill(
        backlog, &engine->mem, packet->bytes + packet->size,
        packet->room - packet->size, UINT16_MAX - packet->updates, &count);
    packet->updates += count;
}

/* Our own tags would starve behind the news of others, and theirs keep back
 * nobody's news. */
static void write_backlog(shoal *engine, struct packet *packet)
{
    fill_from(engine, packet, &engine->own_tagged);
    fill_from(engine, packet, &engine->updates);
    fill_from(engine, packet, &engine->tagged);
}

static int write_updates(shoal *engine, struct packet *packet,
                         const struct message *message)
{
    if (packet->room - packet->size <= 2)
        return 0;
    uint8_t *count = packet->bytes + packet->size;
    packet->size += 2;
    int error =
        message->claim ? write_claim(engine, packet, message->claim) : 0;
    if (error == SHOAL_ERR_TOO_BIG)
        error = 0;
    if (!error && message->telling)
        error = write_telling(engine, packet, message->telling);
    else if (!error && message->lists)
        error = write_list(engine, packet, message);
    else if (!error && !message->is_bare)
        write_backlog(engine, packet);
    bytes_put_u16be(count, packet->updates);
    return error;
}

static void write_items(shoal *engine, struct packet *packet,
                        struct backlog *waiting)
{
    uint32_t count;
    packet->size +=
        backlog_fill(waiting, &engine->mem, packet->bytes + packet->size,
                     packet->room - packet->size, UINT32_MAX, &count);
    packet->items += count;
}

/* A count of nothing, with nothing behind it, says nothing. Readers of another
 * system may insist on it. */
static void leave_out_count(const shoal *engine, struct packet *packet,
                            size_t header_size)
{
    if (engine->handlers.codec.lifeguard && packet->updates == 0 &&
        packet->size == header_size + SEND_COUNT)
        packet->size = header_size;
}

static int write_packet(shoal *engine, struct packet *packet,
                        const struct message *message)
{
    int error = write_header(engine, packet, message);
    size_t header_size = packet->size;
    if (!error && wire_has_claims(message->kind))
        error = write_updates(engine, packet, message);
    if (!error && message->telling)
        write_records(packet, message->telling);
    if (!error && message->with_topics)
        write_items(engine, packet, &engine->topics.waiting);
    if (!error && message->with_items)
        write_items(engine, packet, &engine->items);
    if (!error && wire_has_claims(message->kind))
        leave_out_count(engine, packet, header_size);
    return error;
}

static void fill_effect(shoal_effect *effect, const struct who *to,
                        shoal_message kind, uint8_t *payload)
{
    *effect = (shoal_effect){.kind = SHOAL_SEND, .message = (uint8_t)kind};
    uint8_t *at = payload;
    effect->member.id = bytes_of(at, to->id.size);
    at = bytes_copy(at, to->id);
    effect->member.addr = bytes_of(at, to->addr.size);
    at = bytes_copy(at, to->addr);
    effect->member.endpoint = bytes_of(at, to->endpoint.size);
    at = bytes_copy(at, to->endpoint);
    effect->packet.data = at;
}

static void count_sent(shoal *engine, const struct packet *packet,
                       const struct message *message)
{
    shoal_header header = {.kind = (uint8_t)message->kind,
                           .number = message->number,
                           .src_incarnation = engine->incarnation,
                           .peer = message->peer};
    engine->stats.packets_sent++;
    engine->stats.bytes_sent += packet->size;
    engine->stats.sent[message->kind]++;
    notify_packet(engine, SHOAL_EVENT_PACKET_SENT, message->to->id, &header,
                  packet->updates, packet->size);
}

/* How many items it carries; 0 when it was not sent. */
static uint32_t send_packet(shoal *engine, const struct message *message)
{
    const struct who *to = message->to;
    size_t names = to->id.size + to->addr.size + to->endpoint.size;
    size_t payload = names + engine->config.max_packet_size;
    uint8_t *at;
    shoal_effect *effect =
        effects_push(&engine->effects, &engine->mem, payload, &at);
    if (!effect) {
        engine_note(engine, SHOAL_ERR_NOMEM);
        return 0;
    }
    fill_effect(effect, to, message->kind, at);
    size_t most =
        message->room ? message->room : engine->config.max_packet_size;
    struct packet packet = {
        .bytes = at + names,
        .room = cookie_room(engine, to->id, compares(message), most)};
    bool is_limited = packet.room < most;
    int error = write_packet(engine, &packet, message);
    if (error || (message->needs_items && packet.items == 0)) {
        effects_drop(&engine->effects, payload);
        if (error && !(is_limited && error == SHOAL_ERR_TOO_BIG))
            engine_note(engine, error);
        return 0;
    }
    cookie_spend(engine, to, packet.size);
    effect->packet.size = effect->size = packet.size;
    effect->updates = (uint16_t)packet.updates;
    effects_shrink(&engine->effects, payload, names + packet.size);
    count_sent(engine, &packet, message);
    return packet.items;
}

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
    send_packet(engine, &message);
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
    send_packet(engine, &(struct message){.to = &who,
                                          .kind = SHOAL_MSG_GOSSIP,
                                          .claim = claim});
}

void send_bare_gossip(shoal *engine, const struct who *to,
                      const shoal_update *claim)
{
    send_packet(engine, &(struct message){.to = to,
                                          .kind = SHOAL_MSG_GOSSIP,
                                          .claim = claim,
                                          .is_bare = true});
}

void send_bare(shoal *engine, const struct who *to, shoal_message kind,
               uint8_t number)
{
    send_packet(engine,
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
    send_packet(engine, &message);
}

bool send_exchange(shoal *engine, const struct who *to,
                   struct tell_list *telling)
{
    uint64_t before = engine->stats.packets_sent;
    send_packet(engine, &(struct message){.to = to,
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
        sent += send_packet(engine, &(struct message){.to = &who,
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
        send_packet(engine, &(struct message){.to = &who,
                                              .kind = SHOAL_MSG_GOSSIP,
                                              .is_bare = true,
                                              .with_topics = true,
                                              .needs_items = true});
    }
}
