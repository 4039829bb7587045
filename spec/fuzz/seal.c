/* SPDX-License-Identifier: MIT */
/*
 * The seal, against somebody who records, repeats, changes and invents
 * datagrams while members start again, forget sessions, use one of two keys or
 * the other, and have clocks that are a little wrong. Whatever is done, no
 * packet is accepted twice by one address, and none that was not sealed.
 *
 * The input is a list of steps: a byte says which, others what with.
 */
#include "fuzz.h"

#include "../../src/seal/seal.h"

enum { RECORDS = 64, SERIALS = 4096, STEPS = 2048, SECOND = 1000000 };

enum step {
    SEND,    /* a seals a packet, which is recorded */
    DELIVER, /* one that was recorded, to b */
    TO_A,    /* or to a */
    SPOIL,   /* to b, with a byte changed */
    WAIT_MS,
    WAIT_S,
    START_A, /* again, with another clock */
    START_B,
    CROWD,   /* another member speaks to b */
    BYTES,   /* anything, to b */
    USE_A,   /* a uses the other key */
    LOSE_B,  /* b has but one of them, until it starts again */
    SPEAK,   /* a learns which key b has */
    SEND_TO, /* a seals with that */
    NUM_STEPS
};

struct record {
    uint8_t bytes[SEAL_OVERHEAD + 16];
    size_t size;
};

struct world {
    struct seal *a, *b, *c;
    int64_t clock_us; /* of a */
    uint64_t now_us;
    struct seal_keys keys;
    struct record records[RECORDS];
    unsigned num_records;
    uint16_t serial;
    bool accepted[SERIALS];
    uint8_t starts;
};

static const char key_text[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
                               "HhwaGBYUEhAODAoIBgQCAB8dGxkXFRMRDw0LCQcFAwE=\n";

static struct seal_time time_of(const struct world *world, int64_t clock_us)
{
    return (struct seal_time){world->now_us, 1767225600ull * SECOND +
                                                 world->now_us +
                                                 (uint64_t)clock_us};
}

static struct seal *start(struct world *world)
{
    uint8_t random[SEAL_RANDOM] = {0};
    struct seal_options options = {.keys = &world->keys,
                                   .skew_us = SEAL_SKEW_US,
                                   .now_us = world->now_us,
                                   .wall_us = time_of(world, 0).wall_us,
                                   .random = random};
    random[0] = ++world->starts;
    random[20] = world->starts;
    struct seal *seal = seal_new(&options, NULL);
    MUST(seal);
    seal_limit_sessions(seal, 32);
    return seal;
}

static void record(struct world *world, const uint8_t *bytes, size_t size)
{
    struct record *entry = &world->records[world->num_records++ % RECORDS];
    entry->size = size;
    memcpy(entry->bytes, bytes, size);
}

static const uint8_t to_b = 'b';

static void send(struct world *world, struct seal *from, int64_t clock_us,
                 bool is_to_b)
{
    uint8_t packet[16] = "packet", out[sizeof packet + SEAL_OVERHEAD];
    if (world->serial == SERIALS)
        return;
    packet[14] = (uint8_t)(world->serial >> 8);
    packet[15] = (uint8_t)world->serial++;
    if (is_to_b)
        seal_packet_to(from, time_of(world, clock_us), (shoal_bytes){&to_b, 1},
                       (shoal_bytes){packet, sizeof packet}, out);
    else
        seal_packet(from, time_of(world, clock_us),
                    (shoal_bytes){packet, sizeof packet}, out);
    record(world, out, sizeof out);
}

static void accept_once(struct world *world, shoal_bytes packet)
{
    MUST(packet.size == 16 && memcmp(packet.data, "packet", 6) == 0);
    unsigned serial = (unsigned)packet.data[14] << 8 | packet.data[15];
    MUST(serial < world->serial && !world->accepted[serial]);
    world->accepted[serial] = true;
}

static void deliver(struct world *world, bool to_a, const uint8_t *bytes,
                    size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    const uint8_t from = to_a ? 'b' : 'a';
    struct seal *to = to_a ? world->a : world->b;
    struct seal_arrival arrival;
    struct seal_held *held;
    if (size > 0)
        memcpy(copy, bytes, size);
    seal_verdict verdict =
        seal_open(to, time_of(world, to_a ? world->clock_us : 0), copy, size,
                  (shoal_bytes){&from, 1}, &arrival);
    MUST(arrival.reply_size <= size);
    if (arrival.reply_size > 0)
        record(world, arrival.reply, arrival.reply_size);
    if (verdict == SEAL_PACKET && !to_a)
        accept_once(world, arrival.packet);
    while ((held = seal_next_proven(to))) {
        if (!to_a)
            accept_once(world, seal_held_packet(held));
        free(held);
    }
    free(copy);
}

static const struct record *choose(const struct world *world,
                                   struct input *input)
{
    unsigned count =
        world->num_records < RECORDS ? world->num_records : RECORDS;
    uint8_t back = input_byte(input);
    return count == 0
               ? NULL
               : &world->records[(world->num_records - 1 - back % count) %
                                 RECORDS];
}

static void spoil(struct world *world, const struct record *entry,
                  struct input *input)
{
    struct record spoilt = *entry;
    uint8_t at = input_byte(input), by = input_byte(input);
    spoilt.bytes[at % spoilt.size] ^= by;
    deliver(world, false, spoilt.bytes, spoilt.size);
}

/* With the last of the keys, if there are two. */
static void change_keys(struct seal *seal,
                        int (*change)(struct seal_keys *keys, const char *id,
                                      struct error *error))
{
    struct seal_keys *keys = seal_get_keys(seal);
    char id[SEAL_ID_TEXT];
    if (keys->count < 2)
        return;
    seal_key_format_id(&keys->list[1], id);
    MUST(change(keys, id, NULL) == 0);
    seal_keys_changed(seal);
}

static void speak(struct world *world, struct input *input)
{
    const struct seal_keys *keys = seal_get_keys(world->a);
    unsigned which = input_byte(input) % keys->count;
    seal_speak(world->a, (shoal_bytes){&to_b, 1}, &keys->list[which],
               world->now_us + (uint64_t)input_byte(input) * SECOND);
}

static void act(struct world *world, struct input *input)
{
    enum step step = input_byte(input) % NUM_STEPS;
    const struct record *entry;
    shoal_bytes bytes;
    switch (step) {
    case SEND:
        send(world, world->a, world->clock_us, false);
        break;
    case DELIVER:
        if ((entry = choose(world, input)))
            deliver(world, false, entry->bytes, entry->size);
        break;
    case TO_A:
        if ((entry = choose(world, input)))
            deliver(world, true, entry->bytes, entry->size);
        break;
    case SPOIL:
        if ((entry = choose(world, input)))
            spoil(world, entry, input);
        break;
    case WAIT_MS:
        world->now_us += (uint64_t)input_byte(input) * 1000;
        break;
    case WAIT_S:
        world->now_us += (uint64_t)input_byte(input) * SECOND;
        break;
    case START_A: /* a session's clock may be set, but both agree within 30 s */
        world->clock_us = (int64_t)(input_byte(input) % 59 - 29) * SECOND;
        seal_free(world->a);
        world->a = start(world);
        break;
    case START_B:
        seal_free(world->b);
        world->b = start(world);
        break;
    case CROWD:
        seal_free(world->c);
        world->c = start(world);
        send(world, world->c, 0, false);
        entry = &world->records[(world->num_records - 1) % RECORDS];
        deliver(world, false, entry->bytes, entry->size);
        break;
    case BYTES:
        bytes = input_bytes(input, input_byte(input));
        deliver(world, false, bytes.data, bytes.size);
        break;
    case USE_A:
        change_keys(world->a, seal_keys_use);
        break;
    case LOSE_B:
        change_keys(world->b, seal_keys_remove);
        break;
    case SPEAK:
        speak(world, input);
        break;
    case SEND_TO:
        send(world, world->a, world->clock_us, true);
        break;
    case NUM_STEPS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct input input = {data, size};
    if (*seal_problem())
        return 0;
    memset(&world, 0, sizeof world);
    world.now_us = SECOND;
    MUST(seal_keys_read(&world.keys, key_text, sizeof key_text - 1, NULL) == 0);
    world.a = start(&world);
    world.b = start(&world);
    for (int i = 0; i < STEPS && input.size > 0 && world.starts < 250; i++)
        act(&world, &input);
    seal_free(world.a);
    seal_free(world.b);
    seal_free(world.c);
    return 0;
}
