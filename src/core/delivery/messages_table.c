/* SPDX-License-Identifier: MIT */
/* Who has messages under way, and which. */
#include "../engine.h"
#include "../notify.h"
#include "../query.h"
#include "messages_parts.h"

/* ---- Peers ---- */

struct message_peer *messages_peer_at(const shoal *engine, uint32_t slot)
{
    const struct messages *messages = &engine->messages;
    return slot < messages->capacity ? messages->peers[slot] : NULL;
}

static bool reserve_slot(shoal *engine, uint32_t slot)
{
    struct messages *messages = &engine->messages;
    if (slot < messages->capacity)
        return true;
    uint32_t capacity = messages->capacity ? messages->capacity : 16;
    while (capacity <= slot)
        capacity *= 2;
    struct message_peer **peers = mem_resize(&engine->mem, messages->peers,
                                             messages->capacity * sizeof *peers,
                                             capacity * sizeof *peers);
    if (!peers)
        return false;
    memset(peers + messages->capacity, 0,
           (capacity - messages->capacity) * sizeof *peers);
    messages->peers = peers;
    messages->capacity = capacity;
    return true;
}

struct message_peer *messages_peer_of(shoal *engine,
                                      const struct member *member)
{
    struct message_peer *peer = messages_peer_at(engine, member->slot);
    if (peer || !reserve_slot(engine, member->slot))
        return peer;
    peer = mem_alloc(&engine->mem, sizeof *peer);
    if (!peer)
        return NULL;
    *peer = (struct message_peer){0};
    peer->last = &peer->first;
    engine->messages.peers[member->slot] = peer;
    return peer;
}

/* ---- Unacked messages ---- */

/* Takes out the one that `*place` points at. */
static void drop_unacked(shoal *engine, struct message_peer *peer,
                         struct unacked **place)
{
    struct unacked *message = *place;
    *place = message->next;
    if (peer->last == &message->next)
        peer->last = place;
    engine->messages.count--;
    engine->messages.bytes -= message->size;
    mem_free(&engine->mem, message, unacked_size(message->size));
    if (peer->first)
        return;
    timers_cancel(&engine->messages.timers, &peer->timer);
    identity_release(&engine->mem, peer->to);
    peer->to = NULL;
}

static void free_peer(shoal *engine, struct message_peer *peer)
{
    while (peer->first)
        drop_unacked(engine, peer, &peer->first);
    mem_free(&engine->mem, peer, sizeof *peer);
}

void messages_clear(shoal *engine)
{
    struct messages *messages = &engine->messages;
    for (uint32_t slot = 0; slot < messages->capacity; slot++)
        if (messages->peers[slot])
            free_peer(engine, messages->peers[slot]);
    mem_resize(&engine->mem, messages->peers,
               messages->capacity * sizeof *messages->peers, 0);
    timers_clear(&messages->timers, &engine->mem);
}

/* ---- What becomes of them ---- */

bool messages_end(shoal *engine, struct message_peer *peer,
                  struct unacked **place, int error)
{
    shoal_member view = query_view_of(engine, peer->to, SHOAL_REASON_REPLACED);
    shoal_event event =
        error ? SHOAL_EVENT_MESSAGE_FAILED : SHOAL_EVENT_MESSAGE_ACKNOWLEDGED;
    if (!notify_outcome(engine, event, &view, (*place)->ticket, error))
        return false;
    engine->stats.messages_failed += error != 0;
    drop_unacked(engine, peer, place);
    return true;
}

bool messages_fail_all(shoal *engine, struct message_peer *peer, int error)
{
    while (peer->first)
        if (!messages_end(engine, peer, &peer->first, error))
            return false;
    return true;
}

void messages_gone(shoal *engine, const struct member *member)
{
    struct message_peer *peer = messages_peer_at(engine, member->slot);
    if (peer && peer->first)
        timers_set(&engine->messages.timers, &peer->timer, member->slot,
                   engine->now_us);
}

bool messages_forget(shoal *engine, const struct member *member)
{
    struct message_peer *peer = messages_peer_at(engine, member->slot);
    if (!peer)
        return true;
    if (!messages_fail_all(engine, peer, SHOAL_ERR_MEMBER_DOWN))
        return false;
    free_peer(engine, peer);
    engine->messages.peers[member->slot] = NULL;
    return true;
}

void messages_set_timer(shoal *engine, struct message_peer *peer, uint32_t slot)
{
    uint64_t next_us = SHOAL_NEVER;
    for (const struct unacked *message = peer->first; message;
         message = message->next)
        if (message->due_us < next_us)
            next_us = message->due_us;
    timers_set(&engine->messages.timers, &peer->timer, slot, next_us);
}
