/* SPDX-License-Identifier: MIT */
/*
 * Custom broadcasts: opaque items that travel behind the updates, each behind a
 * u16 length (big-endian). The embedder's handler says which are news.
 */
#include "broadcast.h"

#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "records/items.h"
#include "send.h"

enum { COUNT = 2 };

/* The largest item that a gossip of ours to somebody with an identity of so
 * many bytes holds. An error of the codec, or `*room`. */
static int room_for_item(shoal *engine, size_t id_size, size_t *room)
{
    uint8_t buffer[4 * SHOAL_MAX_IDENTITY];
    shoal_bytes self = identity_id(engine->self);
    shoal_header header = {.kind = SHOAL_MSG_GOSSIP,
                           .src_incarnation = UINT16_MAX,
                           .src = self,
                           .dst = self,
                           .dst_hash = UINT32_MAX};
    size_t used, limit = engine->config.max_packet_size;
    int error =
        ask_encode_header(engine, &header, buffer, sizeof buffer, &used);
    if (error)
        return error;
    if (!engine->handlers.codec.hashes_dst)
        used = used - self.size + id_size;
    used += COUNT + ITEM_FRAME;
    *room = used < limit ? limit - used : 0;
    if (*room > ITEM_MAX_SIZE)
        *room = ITEM_MAX_SIZE;
    return 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Would it reach everybody whom we know? */
static int check_fits(shoal *engine, size_t size)
{
    size_t room, ours = identity_id(engine->self).size;
    int error = room_for_item(
        engine, larger(ours, members_largest_id(&engine->members)), &room);
    if (error || size <= room)
        return error;
    engine_set_detail(engine, "an item has ");
    engine_add_number(engine, size);
    engine_add_detail(engine, " bytes, and a packet to the members known now "
                              "has room for ");
    engine_add_number(engine, room);
    return SHOAL_ERR_TOO_BIG;
}

/* ---- What does not get through ---- */

static void give_up(shoal *engine, struct entry *entry, shoal_drop why)
{
    engine_drop(engine, why, 0);
    notify_dropped(engine, why, entry->size);
    backlog_remove(&engine->items, &engine->mem, entry);
}

/* Items that fitted into a packet when they came, and fit into none to a member
 * with an identity of so many bytes. */
static void drop_oversized(shoal *engine, size_t id_size)
{
    size_t room;
    struct entry *entry;
    if (room_for_item(engine, id_size, &room) != 0)
        return;
    while ((entry = backlog_larger(&engine->items, room)))
        give_up(engine, entry, SHOAL_DROP_TOO_BIG);
}

/* The one that was sent most often makes room, among equals the oldest. */
static void keep_bound(shoal *engine)
{
    while (engine->items.count > engine->config.max_broadcasts)
        give_up(engine, backlog_last(&engine->items), SHOAL_DROP_BACKLOG);
}

static void drop_invalidated(shoal *engine, const struct entry *by)
{
    struct entry *entry = backlog_next(&engine->items, NULL);
    while (entry) {
        struct entry *next = backlog_next(&engine->items, entry);
        if (entry != by &&
            ask_invalidates(engine, backlog_key(by), backlog_key(entry)))
            backlog_remove(&engine->items, &engine->mem, entry);
        entry = next;
    }
}

/* Nobody got any for a while. */
static void drop_all(shoal *engine, size_t id_size)
{
    drop_oversized(engine, id_size + MEMBERS_SIZE_STEP - 1);
    while (engine->items.count > 0)
        backlog_remove(&engine->items, &engine->mem,
                       backlog_next(&engine->items, NULL));
}

/* What nobody wants is not kept for ever: as many turns as it would have been
 * sent. */
void broadcast_turn(shoal *engine)
{
    uint32_t fanout = engine->config.gossip.members;
    size_t smallest = members_smallest_id(&engine->members);
    if (smallest > 0)
        drop_oversized(engine, smallest);
    if (engine->items.count == 0)
        return;
    if (send_items(engine, fanout, SHOAL_MSG_GOSSIP) > 0) {
        engine->unwanted = 0;
        return;
    }
    if (++engine->unwanted >= engine_news_transmissions(engine))
        drop_all(engine, smallest);
}

/* The same key replaces: no need to look at the others. */
static int queue_by_key(shoal *engine, shoal_bytes item, shoal_bytes key)
{
    uint32_t hash = bytes_hash(key, engine->hash_key);
    struct entry **owner =
        keys_owner(&engine->item_keys, &engine->mem, key, hash);
    if (!owner || !backlog_push(&engine->items, &engine->mem, item, key,
                                engine_news_transmissions(engine), owner))
        return SHOAL_ERR_NOMEM;
    return 0;
}

static int queue_item(shoal *engine, shoal_bytes item, shoal_bytes key)
{
    if (!engine->handlers.broadcast.invalidates)
        return queue_by_key(engine, item, key);
    struct entry *entry = NULL;
    if (!backlog_push(&engine->items, &engine->mem, item, key,
                      engine_news_transmissions(engine), &entry))
        return SHOAL_ERR_NOMEM;
    entry->owner = NULL;
    drop_invalidated(engine, entry);
    return 0;
}

/* 1: queued, 0: not wanted, or an error, which is counted. */
static int take(shoal *engine, shoal_bytes item, shoal_bytes sender)
{
    if (!engine->handlers.broadcast.receive)
        return engine_drop(engine, SHOAL_DROP_NO_HANDLER, SHOAL_ERR_NO_HANDLER);
    shoal_bytes key;
    int answer = ask_receive(engine, item, sender, &key);
    if (answer < 0)
        return engine_drop(engine, SHOAL_DROP_BROADCAST, SHOAL_ERR_BROADCAST);
    if (answer == 0)
        return 0;
    /* A sender with a shorter identity can send what we cannot pass on. */
    if (item.size > engine->config.max_packet_size / 2 &&
        check_fits(engine, item.size) == SHOAL_ERR_TOO_BIG)
        return engine_drop(engine, SHOAL_DROP_TOO_BIG, SHOAL_ERR_TOO_BIG);
    int error = queue_item(engine, item, key);
    if (error)
        return engine_drop(engine, SHOAL_DROP_NOMEM, error);
    engine->unwanted = 0;
    keep_bound(engine);
    return 1;
}

int broadcast_receive(shoal *engine, shoal_bytes items, shoal_bytes sender)
{
    while (items.size > 0) {
        bool is_record = item_is_record(items);
        shoal_bytes item = items_take(&items);
        int error = is_record ? delivery_calls.take_item(engine, item)
                              : take(engine, item, sender);
        if (error == SHOAL_ERR_NOMEM)
            return SHOAL_ERR_NOMEM;
    }
    return 0;
}

int shoal_add_broadcast(shoal *engine, uint64_t now_us, shoal_bytes data)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (!engine->handlers.broadcast.receive)
        return engine_leave(engine, SHOAL_ERR_NO_HANDLER);
    if (data.size == 0) {
        engine_set_detail(engine, "a broadcast must not be empty");
        return engine_leave(engine, SHOAL_ERR_MALFORMED);
    }
    error = check_fits(engine, data.size);
    if (error)
        return engine_leave(engine, error);
    return engine_leave(engine, take(engine, data, (shoal_bytes){0}));
}

int shoal_broadcast(shoal *engine, uint64_t now_us)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT &&
        engine->items.count > 0)
        send_items(engine, engine->config.num_indirect_probes,
                   SHOAL_MSG_BROADCAST);
    return engine_leave(engine, 0);
}
