/* SPDX-License-Identifier: MIT */
/*
 * What members broadcast: a number, a topic, and something behind it.
 *
 * While bad things happen items are about one of a few topics, and the newest
 * about each takes the place of the others; in the calm each is about itself.
 */
#include "world.h"

enum { NUMBER_SIZE = 2, TOPIC_AT = 2, ITSELF = NUM_TOPICS };

static uint32_t item_number(shoal_bytes data)
{
    return (uint32_t)data.data[0] << 8 | data.data[1];
}

static bool is_of_ours(const struct world *world, shoal_bytes data)
{
    return data.size > TOPIC_AT && item_number(data) < world->num_items &&
           data.data[TOPIC_AT] <= ITSELF;
}

static bool is_news(struct watched *member, uint32_t number, uint8_t topic)
{
    if (member->has_item[number])
        return false;
    if (topic == ITSELF)
        return true;
    bool is_newer = number + 1 > member->newest[topic];
    if (is_newer)
        member->newest[topic] = number + 1;
    return is_newer;
}

int items_receive(void *context, shoal_bytes data, shoal_bytes sender,
                  shoal_bytes *key)
{
    struct watched *member = context;
    (void)sender;
    if (!is_of_ours(member->world, data)) {
        if (member->world->is_honest)
            world_fail(member->world,
                       "broadcast: %u was given an item of nobody's",
                       (unsigned)member->number);
        return 0;
    }
    uint32_t number = item_number(data);
    uint8_t topic = data.data[TOPIC_AT];
    if (!is_news(member, number, topic))
        return 0;
    member->has_item[number] = true;
    *key = topic == ITSELF ? (shoal_bytes){data.data, NUMBER_SIZE}
                           : (shoal_bytes){data.data + TOPIC_AT, 1};
    return 1;
}

uint32_t items_broadcast(struct world *world, struct watched *member)
{
    uint32_t number = world->num_items;
    uint8_t topic = world->calm ? ITSELF : (uint8_t)(number % NUM_TOPICS);
    uint8_t data[67] = {(uint8_t)(number >> 8), (uint8_t)number, topic};
    /* The calm needs one for each. */
    if (number >= MAX_ITEMS - (world->calm ? 0 : PLAN_MAX_MEMBERS))
        return MAX_ITEMS;
    world->num_items++;
    world->num_calm_items += world->calm;
    shoal_bytes item = {data, TOPIC_AT + 1 + number * 7 % 65};
    int queued = shoal_add_broadcast(sim_engine(member->node),
                                     sim_node_now(member->node), item);
    sim_wake(member->node);
    world_settle(world);
    return queued == 1 ? number : MAX_ITEMS;
}
