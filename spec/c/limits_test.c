/* SPDX-License-Identifier: MIT */
/* What is done at most once in a while for each peer. */
#include "../../src/core/table/limits.h"
#include "expect.h"

enum { SECOND = 1000000, PEERS = 100000 };

static struct limits limits;

static void start(void)
{
    limits = (struct limits){0};
}

static bool pass(enum limit what, uint32_t peer, uint64_t now_us)
{
    return limits_pass(&limits, what, peer, now_us, SECOND);
}

static void lets_the_first_one_pass(void)
{
    start();
    EXPECT(pass(LIMIT_ANSWER, 7, 0));
    EXPECT(pass(LIMIT_ANSWER, 0, 0));
    EXPECT(pass(LIMIT_ANSWER, UINT32_MAX, 0));
}

static void lets_the_next_one_pass_after_the_time(void)
{
    start();
    EXPECT(pass(LIMIT_ANSWER, 7, 5 * SECOND));
    EXPECT(!pass(LIMIT_ANSWER, 7, 5 * SECOND));
    EXPECT(!pass(LIMIT_ANSWER, 7, 6 * SECOND - 1));
    EXPECT(pass(LIMIT_ANSWER, 7, 6 * SECOND));
    EXPECT(!pass(LIMIT_ANSWER, 7, 7 * SECOND - 1));
}

/* Whoever asks all the time gets its turn all the same. */
static void counts_from_the_turn_not_from_the_last_try(void)
{
    unsigned turns = 0;

    start();
    for (uint64_t now = 0; now < 100 * SECOND; now += SECOND / 10)
        turns += pass(LIMIT_VERDICT, 7, now);
    EXPECT(turns == 100);
}

static void keeps_kinds_and_peers_apart(void)
{
    start();
    for (int what = LIMIT_ANSWER; what < NUM_LIMITS; what++)
        for (uint32_t peer = 1; peer <= 3; peer++)
            EXPECT(pass((enum limit)what, peer * 0x10001, 0));
    for (int what = LIMIT_ANSWER; what < NUM_LIMITS; what++)
        for (uint32_t peer = 1; peer <= 3; peer++)
            EXPECT(!pass((enum limit)what, peer * 0x10001, SECOND / 2));
}

/* A crowd takes places from one another: then more pass, but never more than
 * come, and those of a few hold. */
static void is_of_a_fixed_size(void)
{
    unsigned turns = 0;

    start();
    for (uint32_t peer = 1; peer <= PEERS; peer++)
        EXPECT(pass(LIMIT_ANSWER, peer * 2654435761u, 0));
    for (uint32_t peer = 1; peer <= PEERS; peer++)
        turns += pass(LIMIT_ANSWER, peer * 2654435761u, 1);
    EXPECT(turns >= PEERS - LIMITS_SIZE);
    start();
    for (int round = 0; round < 100; round++)
        for (uint32_t peer = 1; peer <= 4; peer++)
            turns += pass(LIMIT_REFUSAL, peer * 2654435761u, 0);
    EXPECT(turns <= PEERS + 4);
}

static bool pass_burst(uint64_t now_us)
{
    return limits_pass_burst(&limits, LIMIT_QUESTION, 7, now_us, SECOND, 3);
}

static void lets_several_pass_at_once_where_they_may(void)
{
    start();
    for (int round = 0; round < 2; round++) {
        uint64_t now = (uint64_t)round * 10 * SECOND;
        for (int i = 0; i < 3; i++)
            EXPECT(pass_burst(now));
        EXPECT(!pass_burst(now));
        EXPECT(!pass_burst(now + SECOND - 1));
        EXPECT(pass_burst(now + SECOND));
        EXPECT(!pass_burst(now + SECOND));
    }
    unsigned turns = 0;
    for (uint64_t now = 100 * SECOND; now < 200 * SECOND; now += SECOND / 10)
        turns += pass_burst(now);
    EXPECT(turns == 102);
}

int main(void)
{
    lets_several_pass_at_once_where_they_may();
    lets_the_first_one_pass();
    lets_the_next_one_pass_after_the_time();
    counts_from_the_turn_not_from_the_last_try();
    keeps_kinds_and_peers_apart();
    is_of_a_fixed_size();
    return expect_done();
}
