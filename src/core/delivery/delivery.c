/* SPDX-License-Identifier: MIT */
#include "../delivery.h"

#include "../engine.h"
#include "messages.h"
#include "repair.h"
#include "topics.h"

static void clear(shoal *engine)
{
    messages_clear(engine);
    topics_clear(engine);
}

static uint64_t next_due(const shoal *engine)
{
    uint64_t topics_us = engine->topics.at_us;
    uint64_t messages_us = messages_next(engine);
    return topics_us < messages_us ? topics_us : messages_us;
}

static void take_records(shoal *engine, shoal_bytes items,
                         const struct identity *sender, struct member *member)
{
    if (member)
        messages_receive(engine, items, member);
    repair_receive(engine, items, sender);
}

const struct delivery_calls delivery_calls = {
    .init = topics_init,
    .clear = clear,
    .begin = repair_begin,
    .idle = topics_idle,
    .next = next_due,
    .tick_topics = topics_tick,
    .tick_messages = messages_tick,
    .gossip = topics_turn,
    .take_item = topics_receive,
    .take_records = take_records,
    .add_sum = repair_take,
    .compare = repair_compare,
    .gone = messages_gone,
    .forget = messages_forget,
    .replaced = topics_replaced,
    .renewed = topics_renewed,
};
