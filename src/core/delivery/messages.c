/* SPDX-License-Identifier: MIT */
#include "../engine.h"
#include "../notify.h"
#include "../records/items.h"
#include "../send.h"
#include "messages_parts.h"

enum {
    MAX_UNACKED = 16384,    /* messages under way */
    MAX_BYTES = 16 << 20,   /* in them */
    BURST = 16,             /* packets that go out at once, */
    PACE_US = 200,          /* and then one in that time */
    MAX_DOUBLINGS = 10,     /* of a wait, whatever the config */
    NOMEM_PAUSE_US = 100000 /* before another attempt to tell */
};

/* ---- Sending ---- */

/* Packets that go out one after the other (the generic cell rate algorithm of
 * ITU-T I.371). */
static uint64_t may_send_at(const shoal *engine)
{
    uint64_t burst_us = (BURST - 1) * PACE_US;
    uint64_t paced_us = engine->messages.paced_us;
    return paced_us > burst_us ? paced_us - burst_us : 0;
}

static void count_packet(shoal *engine)
{
    struct messages *messages = &engine->messages;
    if (messages->paced_us < engine->now_us)
        messages->paced_us = engine->now_us;
    messages->paced_us += PACE_US;
}

/* Until the next attempt: longer each time, and not the same for all. */
static uint64_t wait_after(shoal *engine, const struct member *to,
                           uint8_t tries)
{
    uint64_t rtt_us = member_view(to).rtt_us;
    uint64_t most_us = engine->config.probe_period_us;
    uint64_t wait_us = rtt_us > 0
                           ? 2 * rtt_us + engine->config.probe_rtt_us / 20
                           : engine->config.probe_rtt_us / 5;
    wait_us <<= tries < MAX_DOUBLINGS ? tries : MAX_DOUBLINGS;
    if (wait_us > most_us)
        wait_us = most_us;
    return wait_us + rng_next(&engine->rng) % (wait_us / 4 + 1) + 1;
}

/* Bytes of a record in a packet to somebody with an identity of such a size. */
static size_t room_for(const shoal *engine, size_t id)
{
    size_t taken = identity_id(engine->self).size + SEND_OVERHEAD;
    if (!engine->handlers.codec.hashes_dst)
        taken += id;
    size_t packet = engine->config.max_packet_size;
    size_t room = taken < packet ? packet - taken : 0;
    return room < ITEM_FRAME + ITEM_MAX_SIZE ? room
                                             : ITEM_FRAME + ITEM_MAX_SIZE;
}

static void note_sent(shoal *engine, const struct member *to,
                      struct unacked *message)
{
    engine->stats.messages_repeated += message->tries > 0;
    message->due_us = engine->now_us + wait_after(engine, to, message->tries);
    if (message->tries < UINT8_MAX)
        message->tries++;
}

/* Those that are due, as many as a packet holds; a large one alone, from where
 * it is. */
static void send_due(shoal *engine, struct message_peer *peer,
                     struct member *to, size_t room)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct records records = {.bytes = buffer, .room = room};
    if (room > sizeof buffer)
        records.room = sizeof buffer;
    for (struct unacked *message = peer->first; message;
         message = message->next) {
        if (message->due_us > engine->now_us)
            continue;
        if (message->size <= records.room - records.size) {
            bytes_copy(buffer + records.size,
                       bytes_of(message->bytes, message->size));
            records.size += message->size;
        } else if (records.size == 0) {
            records = (struct records){.bytes = message->bytes,
                                       .size = message->size,
                                       .room = message->size};
        } else {
            continue;
        }
        note_sent(engine, to, message);
    }
    if (records.size == 0)
        return;
    exchange_send(engine, to, &records);
    count_packet(engine);
}

/* Why nothing more is sent to it; 0: it is. */
static int why_not(const shoal *engine, const struct message_peer *peer,
                   const struct member *to)
{
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return SHOAL_ERR_DEFUNCT;
    return to && to->identity == peer->to && member_is_active(to)
               ? 0
               : SHOAL_ERR_MEMBER_DOWN;
}

/* Those that became too large, since our identity or the config has changed. */
static bool fail_large(shoal *engine, struct message_peer *peer, size_t room)
{
    struct unacked **place = &peer->first;
    while (*place)
        if ((*place)->size <= room)
            place = &(*place)->next;
        else if (!messages_end(engine, peer, place, SHOAL_ERR_TOO_BIG))
            return false;
    return true;
}

static void take_turn(shoal *engine, uint32_t slot)
{
    struct message_peer *peer = messages_peer_at(engine, slot);
    struct member *to = members_live(&engine->members, slot);
    size_t room = room_for(engine, peer->to->size);
    int error = why_not(engine, peer, to);
    bool done = error ? messages_fail_all(engine, peer, error)
                      : fail_large(engine, peer, room);
    if (!done) {
        engine_note(engine, SHOAL_ERR_NOMEM);
        timers_set(&engine->messages.timers, &peer->timer, slot,
                   engine->now_us + NOMEM_PAUSE_US);
        return;
    }
    if (!peer->first)
        return;
    send_due(engine, peer, to, room);
    messages_set_timer(engine, peer, slot);
}

static bool is_due(const shoal *engine)
{
    return timers_next(&engine->messages.timers) <= engine->now_us &&
           may_send_at(engine) <= engine->now_us;
}

void messages_tick(shoal *engine)
{
    while (is_due(engine))
        take_turn(engine, engine->messages.timers.heap[0].slot);
}

uint64_t messages_next(const shoal *engine)
{
    uint64_t next_us = timers_next(&engine->messages.timers);
    uint64_t open_us = may_send_at(engine);
    return next_us > open_us ? next_us : open_us;
}

/* ---- To ourselves ---- */

static int tell_ourselves(shoal *engine, uint8_t flags, shoal_bytes data,
                          uint64_t ticket)
{
    shoal_member self = shoal_self(engine);
    if (!notify_message(engine, &self, flags, data) ||
        !notify_outcome(engine, SHOAL_EVENT_MESSAGE_ACKNOWLEDGED, &self, ticket,
                        0))
        return SHOAL_ERR_NOMEM;
    engine->stats.messages_sent++;
    engine->stats.messages_received++;
    return 0;
}

/* ---- The entry point ---- */

/* Another one for whoever was forgotten meanwhile: it may remember the numbers
 * that it had from us before. */
static uint32_t epoch(shoal *engine, struct message_peer *peer)
{
    while (peer->epoch == 0)
        peer->epoch = (uint32_t)rng_next(&engine->rng);
    return peer->epoch;
}

static int refuse(shoal *engine, const char *detail)
{
    engine_set_detail(engine, detail);
    engine->stats.messages_refused++;
    return SHOAL_ERR_FULL;
}

static int check_room(shoal *engine, const struct message_peer *peer,
                      size_t size)
{
    const struct messages *messages = &engine->messages;
    if (peer && peer->first &&
        peer->next_number - peer->first->number >= WINDOW_SIZE)
        return refuse(engine, "64 messages to that member are under way");
    if (messages->count >= MAX_UNACKED || messages->bytes + size > MAX_BYTES)
        return refuse(engine, "too many messages are under way");
    return 0;
}

static int check_size(shoal *engine, size_t id, size_t data)
{
    size_t room = room_for(engine, id);
    room = room > RECORD_MESSAGE_HEAD ? room - RECORD_MESSAGE_HEAD : 0;
    if (data <= room)
        return 0;
    engine_set_detail(engine, "it has ");
    engine_add_number(engine, data);
    engine_add_detail(engine, " bytes; at most ");
    engine_add_number(engine, room);
    engine_add_detail(engine, " fit into a packet to that member");
    return SHOAL_ERR_TOO_BIG;
}

static struct unacked *new_unacked(shoal *engine, struct message_peer *peer,
                                   uint8_t flags, shoal_bytes data,
                                   uint64_t ticket)
{
    size_t size = RECORD_MESSAGE_HEAD + data.size;
    struct unacked *message = mem_alloc(&engine->mem, unacked_size(size));
    if (!message)
        return NULL;
    *message = (struct unacked){.due_us = engine->now_us,
                                .number = peer->next_number,
                                .size = (uint16_t)size,
                                .ticket = ticket};
    struct records records = {.bytes = message->bytes, .room = size};
    record_begin(&records, RECORD_MESSAGE, (struct cell){0});
    record_put(&records, epoch(engine, peer), 4);
    record_put(&records, message->number, 4);
    record_put(&records, flags, 1);
    bytes_copy(message->bytes + records.size, data);
    records.size += data.size;
    record_end(&records);
    return message;
}

/* What is for who it was before fails first. */
static int make_ready(shoal *engine, struct message_peer *peer,
                      const struct member *to)
{
    if (!peer || !timers_reserve(&engine->messages.timers, &engine->mem))
        return SHOAL_ERR_NOMEM;
    if (peer->to && peer->to != to->identity &&
        !messages_fail_all(engine, peer, SHOAL_ERR_MEMBER_DOWN))
        return SHOAL_ERR_NOMEM;
    return 0;
}

static int send_to(shoal *engine, struct member *to, uint8_t flags,
                   shoal_bytes data, uint64_t ticket)
{
    struct messages *messages = &engine->messages;
    struct message_peer *peer = messages_peer_of(engine, to);
    int error = make_ready(engine, peer, to);
    if (!error)
        error = check_room(engine, peer, data.size);
    struct unacked *message =
        error ? NULL : new_unacked(engine, peer, flags, data, ticket);
    if (!message)
        return error ? error : SHOAL_ERR_NOMEM;
    if (!peer->to)
        peer->to = identity_retain(to->identity);
    peer->next_number++;
    *peer->last = message;
    peer->last = &message->next;
    messages->count++;
    messages->bytes += message->size;
    engine->stats.messages_sent++;
    messages_set_timer(engine, peer, to->slot);
    messages_tick(engine);
    return 0;
}

int shoal_send_to(shoal *engine, uint64_t now_us, shoal_bytes id, uint8_t flags,
                  shoal_bytes data, uint64_t ticket)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    struct member *to =
        members_find_id(&engine->members, id, bytes_hash(id, engine->hash_key));
    bool is_us = bytes_equal(id, identity_id(engine->self));
    if (!engine->handlers.codec.lifeguard)
        error = SHOAL_ERR_NO_LIFEGUARD;
    else if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        error = SHOAL_ERR_DEFUNCT;
    else if (!is_us && (!to || !member_is_active(to)))
        error = SHOAL_ERR_NOT_A_MEMBER;
    else
        error = check_size(engine, id.size, data.size);
    if (!error)
        error = is_us ? tell_ourselves(engine, flags, data, ticket)
                      : send_to(engine, to, flags, data, ticket);
    return engine_leave(engine, error);
}
