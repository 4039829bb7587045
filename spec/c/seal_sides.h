/* SPDX-License-Identifier: MIT */
/* Two or more that seal, with clocks of their own, for the programs that test
 * the seal; and a recorder between them. */
#ifndef SHOAL_SPEC_SEAL_SIDES_H
#define SHOAL_SPEC_SEAL_SIDES_H

#include "host_test.h"

#include "seal/seal.h"

enum { SECOND = 1000 * 1000 };

/* The usual clock of a side, when the world begins. */
static const uint64_t TODAY_US = UINT64_C(1767225600) * SECOND;
/* Of all sides: it does not run backwards. */
static uint64_t world_us = SECOND;

struct side {
    struct seal *seal;
    int64_t clock_us; /* its wall clock is that much ahead */
    char name;
};

struct datagram {
    uint8_t bytes[256];
    size_t size;
};

static inline struct seal_keys keys_of(const char *text)
{
    struct seal_keys keys = {0};
    struct error error = {""};

    if (seal_keys_read(&keys, text, strlen(text), &error) != 0)
        fprintf(stderr, "%s\n", error.text);
    CHECK(keys.count > 0);
    return keys;
}

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static inline struct seal_time time_of(const struct side *side)
{
    return (struct seal_time){world_us,
                              TODAY_US + world_us + (uint64_t)side->clock_us};
}

static inline void start_side_with(struct side *side, const char *keys,
                                   uint64_t skew_us)
{
    static char name;
    struct seal_keys ring = keys_of(keys);
    struct seal_options options = {.keys = &ring,
                                   .skew_us = skew_us,
                                   .now_us = world_us,
                                   .wall_us = time_of(side).wall_us};

    side->name = ++name;
    side->seal = seal_new(&options, NULL);
    CHECK(side->seal);
}

static inline void start_side(struct side *side)
{
    start_side_with(side, KEY_A, SEAL_SKEW_US);
}

static inline void restart_side(struct side *side)
{
    seal_free(side->seal);
    start_side(side);
}

static inline struct datagram seal_text(struct side *side, const char *text)
{
    struct datagram datagram = {.size = strlen(text) + SEAL_OVERHEAD};

    seal_packet(side->seal, time_of(side), bytes_of_text(text), datagram.bytes);
    return datagram;
}

/* A copy is opened: the datagram can be sent again. */
static inline seal_verdict open_from(struct side *to, const struct side *from,
                                     const struct datagram *datagram,
                                     struct seal_arrival *arrival)
{
    static struct datagram copy;

    copy = *datagram;
    return seal_open(to->seal, time_of(to), copy.bytes, copy.size,
                     bytes_of(&from->name, 1), arrival);
}

static inline seal_verdict deliver(struct side *to, const struct side *from,
                                   const struct datagram *datagram)
{
    struct seal_arrival arrival;

    return open_from(to, from, datagram, &arrival);
}

static inline struct datagram reply_of(const struct seal_arrival *arrival)
{
    struct datagram datagram = {.size = arrival->reply_size};

    memcpy(datagram.bytes, arrival->reply, datagram.size);
    return datagram;
}

/* How many packets are proven by now. */
static inline unsigned take_proven(struct side *side)
{
    struct seal_held *held;
    unsigned count = 0;

    for (; (held = seal_next_proven(side->seal)); count++)
        free(held);
    return count;
}

/* Delivers it, and what that leads to between the two; `answer` (or NULL) gets
 * what proved the session. How many packets `to` got. */
static inline unsigned exchange(struct side *to, struct side *from,
                                const struct datagram *datagram,
                                struct datagram *answer)
{
    struct seal_arrival arrival;
    struct datagram reply;

    if (open_from(to, from, datagram, &arrival) == SEAL_PACKET)
        return 1;
    if (arrival.reply_size == 0)
        return 0;
    CHECK(arrival.reply_size <= datagram->size);
    reply = reply_of(&arrival);
    if (open_from(from, to, &reply, &arrival) != SEAL_TAKEN ||
        arrival.reply_size == 0)
        return 0;
    reply = reply_of(&arrival);
    if (answer)
        *answer = reply;
    (void)deliver(to, from, &reply);
    return take_proven(to);
}

/* Every side has run for long enough to trust its clock. */
static inline void settle(void)
{
    world_us += 120 * SECOND;
}

#endif
