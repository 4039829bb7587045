/* SPDX-License-Identifier: MIT */
/* Messages of others, and what they say of ours. */
#include "../engine.h"
#include "../notify.h"
#include "../records/items.h"
#include "../send.h"
#include "messages_parts.h"

/* A receipt in the making. */
struct receipt {
    struct records records;
    uint32_t epoch, count; /* of the record at hand; 0: none was begun */
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
};

/* What a packet of ours has no room for comes again. */
static void acknowledge(struct receipt *receipt, const struct record *record)
{
    struct records *records = &receipt->records;
    if (records->room - records->size < RECORD_HEAD + 4)
        return;
    if (receipt->count > 0 && receipt->epoch != record->epoch) {
        record_end(records);
        receipt->count = 0;
    }
    if (receipt->count++ == 0) {
        receipt->epoch = record->epoch;
        record_begin(records, RECORD_RECEIPT, (struct cell){0});
        record_put(records, record->epoch, 4);
    }
    record_put(records, record->number, 4);
}

static void take_message(shoal *engine, const struct record *record,
                         struct member *sender, struct receipt *receipt)
{
    struct message_peer *peer = messages_peer_of(engine, sender);
    enum arrival arrival =
        peer ? window_look(&peer->windows, record->epoch, record->number)
             : ARRIVAL_NEW;
    shoal_member view = member_view(sender);
    if (arrival != ARRIVAL_NEW)
        engine_drop(engine, SHOAL_DROP_REPEATED, 0);
    else if (!peer ||
             !notify_message(engine, &view, record->flags, record->body)) {
        engine_drop(engine, SHOAL_DROP_NOMEM, 0); /* it comes again */
        engine_note(engine, SHOAL_ERR_NOMEM);
        return;
    } else {
        window_note(&peer->windows, record->epoch, record->number);
        engine->stats.messages_received++;
    }
    if (arrival != ARRIVAL_OLD)
        acknowledge(receipt, record);
}

static struct unacked **find_unacked(struct message_peer *peer, uint32_t number)
{
    struct unacked **place = &peer->first;
    while (*place && (*place)->number != number)
        place = &(*place)->next;
    return *place ? place : NULL;
}

/* What cannot be told now is told after the next receipt. */
static void take_receipt(shoal *engine, const struct record *record,
                         const struct member *sender)
{
    struct message_peer *peer = messages_peer_at(engine, sender->slot);
    if (!peer || record->epoch != peer->epoch)
        return;
    for (uint32_t i = 0; i < record->body.size / 4 && peer->first; i++) {
        struct unacked **place = find_unacked(peer, record_word(record, i));
        if (place && peer->to == sender->identity &&
            !messages_end(engine, peer, place, 0))
            engine_note(engine, SHOAL_ERR_NOMEM);
    }
    if (peer->first)
        messages_set_timer(engine, peer, sender->slot);
}

void messages_receive(shoal *engine, shoal_bytes items, struct member *sender)
{
    struct receipt receipt;
    receipt.count = 0;
    receipt.records = (struct records){.bytes = receipt.buffer,
                                       .room = sizeof receipt.buffer};
    while (items.size > 0) {
        struct record record;
        if (record_read(items_take(&items), &record))
            continue;
        if (record.kind == RECORD_MESSAGE)
            take_message(engine, &record, sender, &receipt);
        if (record.kind == RECORD_RECEIPT)
            take_receipt(engine, &record, sender);
    }
    if (receipt.count == 0)
        return;
    record_end(&receipt.records);
    exchange_send(engine, sender, &receipt.records);
}
