/* SPDX-License-Identifier: MIT */
/* Recorded packets, repeated in the name of a member that is about to join: who
 * has no key must not keep it out. */
#include "seal_sides.h"

enum { LIVES = 200, OF_EACH = 20 };

static const char TEXT[] = "a packet of the engine's";

static struct side a, b, c;
static struct datagram recorded[LIVES][OF_EACH];

/* b asks everybody. a has lived `lives` times; what it sent is recorded. */
static void begin(unsigned lives)
{
    unsigned life, i;

    seal_free(a.seal), seal_free(b.seal), seal_free(c.seal);
    a.clock_us = b.clock_us = c.clock_us = 0;
    for (life = 0; life < lives; life++) {
        start_side(&a);
        for (i = 0; i < OF_EACH; i++)
            recorded[life][i] = seal_text(&a, TEXT);
        seal_free(a.seal);
    }
    world_us += 3600ll * SECOND;
    start_side(&a), start_side(&c);
    start_side_with(&b, KEY_A, 0);
    settle();
}

/* All of it, as if it came from a. How many questions a got for it. */
static unsigned repeat(unsigned lives, unsigned of_each)
{
    unsigned life, i, asked = 0;

    for (life = 0; life < lives; life++)
        for (i = 0; i < of_each; i++) {
            struct seal_arrival arrival;

            (void)open_from(&b, &a, &recorded[life][i], &arrival);
            asked += arrival.reply_size > 0;
        }
    return asked;
}

static bool joins(void)
{
    struct datagram datagram = seal_text(&a, TEXT);

    return exchange(&b, &a, &datagram, NULL) == 1;
}

static void one_packet_that_is_repeated_is_one_question(void)
{
    unsigned i, asked = 0;

    begin(1);
    for (i = 0; i < 10000; i++) {
        asked += repeat(1, 1);
        world_us += 10 * 1000;
    }
    CHECK(asked == 1);
    CHECK(joins());
    CHECK(seal_get_counts(b.seal).challenges_dropped == 0);
}

static void what_one_life_has_sent_does_not_keep_the_next_out(void)
{
    unsigned i;

    begin(1);
    for (i = 0; i < 100; i++) {
        CHECK(repeat(1, OF_EACH) <= 1);
        world_us += 1000;
    }
    CHECK(joins());
}

static void start_again_at_its_address(void)
{
    char name = a.name;

    restart_side(&a);
    a.name = name;
}

/* The most that is left to one who has recorded many lives: the questions of
 * some seconds. */
static void many_lives_keep_it_out_for_as_long_as_each_is_asked_thrice(void)
{
    unsigned tries = 0;
    uint64_t first_us;

    begin(LIVES);
    CHECK(repeat(LIVES, 1) == 50);
    CHECK(!joins());
    CHECK(seal_get_counts(b.seal).challenges_dropped == LIVES - 50 + 1);
    first_us = world_us;
    do {
        world_us += SECOND / 10;
        (void)repeat(LIVES, tries++ % OF_EACH + 1);
    } while (!joins());
    CHECK(world_us - first_us <= (3 * LIVES / 50 + 1) * SECOND);
    for (tries = 0; tries < 20; tries++) { /* and then no more */
        start_again_at_its_address();
        a.clock_us = -50 * 365 * 86400ll * SECOND;
        (void)repeat(LIVES, OF_EACH);
        CHECK(joins());
        world_us += SECOND / 10;
    }
}

/* A question or an answer may be lost: the next packet is asked for again. */
static void what_is_lost_is_asked_for_again(void)
{
    struct seal_arrival arrival;
    struct datagram datagram;
    unsigned i;

    begin(1);
    for (i = 0; i < 6; i++) {
        datagram = seal_text(&a, TEXT);
        CHECK(open_from(&b, &a, &datagram, &arrival) == SEAL_TAKEN);
        CHECK(arrival.reply_size > 0);
        world_us += 100 * 1000u << i;
    }
    for (i = 0; i < 60; i++) { /* for a minute it is cut off, then not */
        datagram = seal_text(&a, TEXT);
        (void)deliver(&b, &a, &datagram);
        world_us += SECOND;
    }
    for (i = 0; i < 10 && !joins(); i++)
        world_us += SECOND;
    CHECK(i < 10);
}

/* What is repeated in the name of many others leaves a's share alone. */
static void a_crowd_of_addresses_takes_nothing_from_one(void)
{
    unsigned i, j;

    begin(LIVES);
    for (i = 0; i < 200; i++)
        for (j = 0; j < LIVES; j++) {
            struct datagram copy = recorded[j][0];
            struct seal_arrival arrival;
            uint32_t from = i * LIVES + j;

            (void)seal_open(b.seal, time_of(&b), copy.bytes, copy.size,
                            bytes_of(&from, sizeof from), &arrival);
        }
    CHECK(joins());
}

/* ---- Answers ---- */

static struct datagram question(struct side *to_ask)
{
    struct datagram datagram = seal_text(to_ask, TEXT);
    struct seal_arrival arrival;

    (void)open_from(&b, to_ask, &datagram, &arrival);
    CHECK(arrival.reply_size > 0);
    return reply_of(&arrival);
}

static bool is_answered(const struct datagram *datagram)
{
    struct seal_arrival arrival;

    (void)open_from(&a, &b, datagram, &arrival);
    return arrival.reply_size > 0;
}

static void a_question_is_answered_once(void)
{
    struct datagram first;
    unsigned i;

    begin(1);
    first = question(&c);
    CHECK(is_answered(&first));
    for (i = 0; i < 100; i++) {
        CHECK(!is_answered(&first));
        world_us += 100 * 1000;
    }
    CHECK(joins());
}

/* b is made to ask others, and that is sent on to a: as many as one likes. */
static void questions_to_others_do_not_use_up_the_answers(void)
{
    unsigned i;

    begin(1);
    for (i = 0; i < 1000; i++) {
        struct datagram forwarded;

        restart_side(&c);
        c.clock_us = -3600ll * SECOND;
        forwarded = question(&c);
        CHECK(is_answered(&forwarded));
    }
    CHECK(joins());
}

int main(void)
{
    if (*seal_problem()) {
        printf("skipped: %s\n", seal_problem());
        return 0;
    }
    RUN(one_packet_that_is_repeated_is_one_question);
    RUN(what_one_life_has_sent_does_not_keep_the_next_out);
    RUN(many_lives_keep_it_out_for_as_long_as_each_is_asked_thrice);
    RUN(what_is_lost_is_asked_for_again);
    RUN(a_crowd_of_addresses_takes_nothing_from_one);
    RUN(a_question_is_answered_once);
    RUN(questions_to_others_do_not_use_up_the_answers);
    seal_free(a.seal), seal_free(b.seal), seal_free(c.seal);
    return 0;
}
