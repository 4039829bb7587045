/* SPDX-License-Identifier: MIT */
#include "packet.h"

#include "../wire/wire.h"
#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "records/items.h"
#include "records/topic_record.h"

struct packet {
    uint8_t *bytes;
    size_t size, room; /* room: of the whole packet */
    bool is_back;      /* to the sender at hand */
    uint32_t updates, items;
    uint8_t record; /* the kind of the first one; 0: there is none */
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

/* What the records of a question leave. */
static size_t spare(const shoal *engine, const struct message *message)
{
    if (!compares(message))
        return 0;
    size_t room = exchange_room_for(engine, message->to->id.size);
    size_t used = message->telling->records->size;
    return used < room ? room - used : 0;
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
    header.has_digest |=
        delivery_calls.add_sum(engine, message->kind, &header.digest);
    cookie_mark(engine, message->to, packet->is_back, is_an_answer(message),
                spare(engine, message), &header);
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

static void write_records(shoal *engine, struct packet *packet,
                          struct tell_list *telling)
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
        packet->record =
            records->size > ITEM_FRAME ? records->bytes[ITEM_FRAME] : 0;
    } else /* a question to one that has shown nothing: it is asked again */
        engine_drop(engine, SHOAL_DROP_TOO_BIG, 0);
    records->size = 0;
}

static void fill_from(shoal *engine, struct packet *packet,
                      struct backlog *backlog)
{
    uint32_t count;
    if (backlog->count == 0)
        return;
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
    if (waiting->count == 0)
        return;
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
        write_records(engine, packet, message->telling);
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
    effect->kind = SHOAL_SEND;
    effect->message = (uint8_t)kind;
    uint8_t *at = payload;
    effect->member.id = bytes_of(at, to->id.size);
    at = bytes_copy(at, to->id);
    effect->member.addr = bytes_of(at, to->addr.size);
    at = bytes_copy(at, to->addr);
    effect->member.endpoint = bytes_of(at, to->endpoint.size);
    at = bytes_copy(at, to->endpoint);
    effect->packet.data = at;
}

/* What an exchange is about: its records are of one kind, or of kinds that
 * belong together. What programs say to each other repairs nothing. */
static void count_repair(shoal_stats *stats, uint8_t kind, size_t size)
{
    if (kind == RECORD_MESSAGE || kind == RECORD_RECEIPT)
        return;
    bool of_tags = kind == RECORD_FETCH || kind == RECORD_PART;
    bool of_topics = topic_record_is(kind);
    stats->tag_repairs += of_tags;
    stats->tag_repair_bytes += of_tags ? size : 0;
    stats->topic_repairs += of_topics;
    stats->topic_repair_bytes += of_topics ? size : 0;
    stats->member_repairs += !of_tags && !of_topics;
    stats->member_repair_bytes += of_tags || of_topics ? 0 : size;
}

static void count_sent(shoal *engine, const struct packet *packet,
                       const struct message *message)
{
    engine->stats.packets_sent++;
    engine->stats.bytes_sent += packet->size;
    engine->stats.sent[message->kind]++;
    if (message->telling)
        count_repair(&engine->stats, packet->record, packet->size);
    if (!notify_is_wanted(engine, SHOAL_EVENT_PACKET_SENT))
        return;
    shoal_header header = {.kind = (uint8_t)message->kind,
                           .number = message->number,
                           .src_incarnation = engine->incarnation,
                           .peer = message->peer};
    notify_packet(engine, SHOAL_EVENT_PACKET_SENT, message->to->id, &header,
                  packet->updates, packet->size);
}

/* How many items it carries; 0 when it was not sent. */
uint32_t packet_send(shoal *engine, const struct message *message)
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
    struct packet packet = {.bytes = at + names,
                            .is_back = cookie_is_back(engine, to->id)};
    packet.room = cookie_room(engine, packet.is_back, compares(message), most);
    bool is_limited = packet.room < most;
    int error = write_packet(engine, &packet, message);
    if (error || (message->needs_items && packet.items == 0)) {
        effects_drop(&engine->effects, payload);
        if (error && !(is_limited && error == SHOAL_ERR_TOO_BIG))
            engine_note(engine, error);
        return 0;
    }
    if (packet.is_back)
        cookie_spend(engine, packet.size);
    effect->packet.size = effect->size = packet.size;
    effect->updates = (uint16_t)packet.updates;
    effects_shrink(&engine->effects, payload, names + packet.size);
    count_sent(engine, &packet, message);
    return packet.items;
}

/* ---- Reading ---- */

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

static int check_record(shoal_bytes item)
{
    struct topic_record of_topic;
    struct record record;
    return topic_record_is(item.data[0]) ? topic_record_read(item, &of_topic)
                                         : record_read(item, &record);
}

static int check_records(shoal_bytes items)
{
    while (items.size > 0)
        if (check_record(items_take(&items)) == SHOAL_ERR_MALFORMED)
            return SHOAL_ERR_MALFORMED;
    return 0;
}

int packet_decode_body(shoal *engine, const shoal_header *header,
                       shoal_bytes *body)
{
    engine->decoded.count = 0;
    if (wire_has_claims(header->kind)) {
        int error = decode_claims(engine, body);
        if (error)
            return error;
    }
    if (!wire_has_items(header->kind) && body->size > 0)
        return SHOAL_ERR_MALFORMED;
    int error = items_check(*body);
    if (!error && header->kind == SHOAL_MSG_EXCHANGE)
        error = check_records(*body);
    return error;
}
