/* SPDX-License-Identifier: MIT */
/* Whom to ask to let us join, and when: src/base/seeds.h in virtual time. */
#include "base/seeds.h"

#include "expect.h"

static const uint64_t SECOND = 1000 * 1000;

/* ---- A driver, and what it was told to do ---- */

enum { MOST = 4096 };

static struct seeds seeds;
static uint64_t now_us;
static struct {
    uint64_t at_us;
    char address[32]; /* "": a lookup */
} log_of[MOST];
static unsigned num_asked, num_lookups, num_logged;
/* What becomes of a lookup: "a\0b\0" and how many, at once; NULL: it fails. */
static const char *answer;
static size_t answer_size, answer_count;
static bool answers_later;
/* Addresses that begin with this are ours, or members'. */
static const char *ours, *members;

static bool begins(const char *text, const char *with)
{
    return with && strncmp(text, with, strlen(with)) == 0;
}

static enum seeds_standing standing(void *context, const char *address)
{
    EXPECT(context == &now_us);
    if (begins(address, ours))
        return SEEDS_OURS;
    return begins(address, members) ? SEEDS_MEMBER : SEEDS_STRANGER;
}

static void set_up(uint64_t random)
{
    seeds_init(&seeds, random, standing, &now_us);
    now_us = 5 * SECOND;
    num_asked = num_lookups = num_logged = 0;
    answer = ours = members = NULL;
    answers_later = false;
}

static void finish_lookup(struct seed *seed)
{
    char *copy = NULL;

    if (answer)
        copy = malloc(answer_size);
    if (copy)
        memcpy(copy, answer, answer_size);
    if (copy)
        seeds_found(&seeds, now_us, seed, copy, answer_count);
    else
        seeds_failed(seed, now_us);
}

static void forget(void)
{
    num_asked = num_lookups = num_logged = 0;
}

static void act(void)
{
    struct seeds_task task;

    while (seeds_next(&seeds, now_us, &task)) {
        log_of[num_logged].at_us = now_us;
        strcpy(log_of[num_logged++].address, task.address ? task.address : "");
        if (task.address) {
            num_asked++;
            continue;
        }
        num_lookups++;
        EXPECT(task.seed->is_name && task.seed->looking);
        if (!answers_later)
            finish_lookup(task.seed);
    }
}

/* Does what is due in the next so many microseconds. */
static void run(uint64_t for_us)
{
    uint64_t until_us = now_us + for_us;

    for (act(); seeds_due(&seeds) <= until_us; act())
        now_us = seeds_due(&seeds);
    now_us = until_us;
}

static struct seed *add(const char *text, bool is_name)
{
    struct seed *seed = seeds_add(&seeds, text, is_name ? NULL : text);

    EXPECT(seed && seeds_find(&seeds, text) == seed);
    return seed;
}

static struct seed *ask_for(const char *text, bool is_name)
{
    struct seed *seed = add(text, is_name);

    seeds_ask(&seeds, now_us, seed);
    return seed;
}

static unsigned times_asked(const char *address)
{
    unsigned times = 0, i;

    for (i = 0; i < num_logged; i++)
        times += strcmp(log_of[i].address, address) == 0;
    return times;
}

#define ANSWER(text, count)                                                    \
    (answer = (text), answer_size = sizeof(text), answer_count = (count))

/* ---- While idle ---- */

/* 0.1 s, doubled up to 30 s, each times 0.5 to 1.5. */
static void the_waits_are_doubled_up_to_half_a_minute(void)
{
    uint64_t seed, least = 2 * 30 * SECOND, most = 0;

    for (seed = 0; seed < 50; seed++) {
        uint64_t due = SECOND / 10;
        unsigned i;

        set_up(seed);
        ask_for("a", false);
        seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
        run(1200 * SECOND);
        EXPECT(num_asked > 35 && num_asked < 95);
        EXPECT(log_of[0].at_us == 5 * SECOND);
        for (i = 1; i < num_logged; i++) {
            uint64_t wait = log_of[i].at_us - log_of[i - 1].at_us;

            EXPECT(wait >= due / 2 && wait <= due + due / 2);
            due = due * 2 < 30 * SECOND ? due * 2 : 30 * SECOND;
            if (i == 1 && wait < least)
                least = wait;
            if (i == 1 && wait > most)
                most = wait;
        }
        seeds_clear(&seeds);
    }
    /* nodes that start together do not ask together */
    EXPECT(least < 65 * 1000 && most > 135 * 1000);
}

static void they_begin_again_when_it_is_idle_again(void)
{
    set_up(1);
    ask_for("a", false);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    run(600 * SECOND);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    forget();
    run(SECOND);
    EXPECT(num_asked >= 2);
    run(600 * SECOND);
    forget();
    ask_for("b", false);
    run(SECOND);
    EXPECT(times_asked("a") >= 2 && times_asked("b") >= 3);
    seeds_clear(&seeds);
}

static void of_a_crowd_of_seeds_some_are_asked_at_a_time_in_turn(void)
{
    char text[8];
    unsigned i;

    set_up(1);
    for (i = 0; i < 100; i++) {
        sprintf(text, "s%u", i);
        add(text, false);
    }
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    now_us += SECOND;
    act();
    EXPECT(num_asked == SEEDS_AT_ONCE);
    run(30 * SECOND);
    for (i = 0; i < 100; i++) {
        sprintf(text, "s%u", i);
        EXPECT(times_asked(text) >= 1);
    }
    seeds_clear(&seeds);
}

static void our_own_address_is_never_asked(void)
{
    set_up(1);
    ours = "me";
    ask_for("me:1", false);
    ANSWER("me:2\0me:3\0you:1", 3);
    ask_for("name", true);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    run(600 * SECOND);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    run(600 * SECOND);
    EXPECT(num_asked > 30 && num_asked == times_asked("you:1"));
    EXPECT(seeds_is_ours(&seeds, seeds.list[0]));
    EXPECT(!seeds_is_ours(&seeds, seeds.list[1]));
    seeds_clear(&seeds);
}

/* ---- Names ---- */

static void all_addresses_of_a_name_are_asked_in_turn(void)
{
    set_up(1);
    ANSWER("a\0b\0c\0d\0e\0f\0g", 7);
    ask_for("name", true);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    act();
    EXPECT(num_lookups == 1 && num_asked == SEEDS_ADDRESSES);
    now_us += SECOND / 2;
    act();
    now_us += SECOND / 2 - 1;
    act(); /* and no further lookup within the second */
    EXPECT(num_lookups == 1 && num_asked == 3 * SEEDS_ADDRESSES);
    EXPECT(times_asked("a") && times_asked("b") && times_asked("c") &&
           times_asked("d") && times_asked("e") && times_asked("f") &&
           times_asked("g"));
    run(10 * SECOND);
    EXPECT(num_lookups >= 3);
    seeds_clear(&seeds);
}

/* Or a thousand nodes that start together would ask the same one first. */
static void a_random_one_of_them_comes_first(void)
{
    unsigned first[3] = {0};
    uint64_t random;

    for (random = 0; random < 60; random++) {
        set_up(random);
        ANSWER("0\0001\0002", 3);
        ask_for("name", true);
        act();
        first[log_of[1].address[0] - '0']++;
        seeds_clear(&seeds);
    }
    EXPECT(first[0] > 8 && first[1] > 8 && first[2] > 8);
}

static void a_name_without_an_address_is_tried_again(void)
{
    set_up(1);
    ask_for("name", true);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    run(100 * SECOND);
    EXPECT(num_asked == 0 && num_lookups > 4 && num_lookups < 12);
    forget();
    ANSWER("a", 1);
    run(46 * SECOND);
    EXPECT(times_asked("a") >= 1);
    /* what is known stays good when the name server is away */
    answer = NULL;
    forget();
    run(46 * SECOND);
    EXPECT(num_lookups >= 1 && times_asked("a") >= 1);
    /* and what is new replaces what was */
    ANSWER("b", 1);
    forget();
    run(46 * SECOND);
    EXPECT(times_asked("b") >= 1 && times_asked("a") == 0);
    seeds_clear(&seeds);
}

static void a_lookup_that_takes_long_holds_up_nobody(void)
{
    struct seed *seed;

    set_up(1);
    ANSWER("a", 1);
    seed = ask_for("name", true);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_IDLE);
    run(2 * SECOND);
    answers_later = true;
    forget();
    run(40 * SECOND);
    EXPECT(num_lookups == 1 && seed->looking && times_asked("a") >= 2);
    ANSWER("b", 1);
    forget();
    finish_lookup(seed); /* for the round that waits for it */
    act();
    EXPECT(times_asked("b") == 1 && num_asked == 1);
    seeds_clear(&seeds);
}

/* ---- While active ---- */

static void one_stranger_is_asked_in_each_period(void)
{
    unsigned i, asked = 0;
    char text[8];

    set_up(1);
    for (i = 0; i < 100; i++) {
        sprintf(text, "%s%u", i % 2 ? "m" : "s", i);
        add(text, false);
    }
    members = "m";
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    run(50 * 45 * SECOND);
    EXPECT(num_asked >= 50 && num_asked <= 50 * 3 + 1);
    for (i = 0; i < num_logged; i++) {
        uint64_t wait = i ? log_of[i].at_us - log_of[i - 1].at_us : 0;

        EXPECT(i == 0 || (wait >= 15 * SECOND && wait <= 45 * SECOND));
    }
    for (i = 0; i < 100; i += 2) {
        sprintf(text, "s%u", i);
        asked += times_asked(text) > 0;
    }
    EXPECT(asked == 50);
    members = "";
    forget();
    run(100 * SECOND);
    EXPECT(num_asked == 0);
    seeds_clear(&seeds);
}

static void names_are_looked_up_for_it_a_few_at_a_time(void)
{
    struct seeds_task task;
    char text[8];
    unsigned i;

    set_up(1);
    ANSWER("m1\0m2", 2);
    members = "m";
    for (i = 0; i < 20; i++) {
        sprintf(text, "name%u", i);
        add(text, true);
    }
    add("m-name", true); /* some member's own: it need not be */
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    now_us += 45 * SECOND;
    act();
    EXPECT(num_lookups == SEEDS_LOOKUPS && num_asked == 0);
    /* all are known by now, and somebody new is found in turn */
    run(400 * SECOND);
    EXPECT(num_asked == 0 && !seeds_find(&seeds, "m-name")->num_addresses);
    ANSWER("m1\0s", 2);
    now_us = seeds_due(&seeds);
    EXPECT(seeds_next(&seeds, now_us, &task) && !task.address);
    finish_lookup(task.seed);
    EXPECT(seeds_next(&seeds, now_us, &task));
    EXPECT(task.address && strcmp(task.address, "s") == 0);
    EXPECT(!seeds_next(&seeds, now_us, &task));
    seeds_clear(&seeds);
}

static void the_search_waits_for_a_lookup_but_not_for_ever(void)
{
    struct seed *name;

    set_up(1);
    answers_later = true;
    name = add("name", true);
    add("s", false);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    now_us = seeds_due(&seeds);
    act();
    EXPECT(num_lookups == 1 && num_asked == 0);
    finish_lookup(name); /* it fails */
    EXPECT(seeds_due(&seeds) == 0);
    act();
    EXPECT(num_asked == 1 && times_asked("s") == 1);
    run(120 * SECOND); /* this one does not end */
    EXPECT(name->looking && times_asked("s") >= 2);
    seeds_clear(&seeds);
}

static void what_the_program_asks_for_is_asked_whoever_is_there(void)
{
    struct seed *seed;

    set_up(1);
    members = "m";
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_ACTIVE);
    seed = ask_for("m", false);
    act();
    EXPECT(times_asked("m") == 1);
    seeds_update(&seeds, now_us, SHOAL_CONNECTION_DEFUNCT);
    run(600 * SECOND);
    EXPECT(num_asked == 1);
    seeds_ask(&seeds, now_us, seed);
    EXPECT(seeds_due(&seeds) == 0);
    act();
    EXPECT(num_asked == 2 && seeds_due(&seeds) == SHOAL_NEVER);
    seeds_clear(&seeds);
}

/* ---- Who may know us ---- */

static unsigned may_know_us(const char *name)
{
    unsigned count = 0;
    size_t cursor = 0;
    const char *address;

    while ((address = seeds_next_asked(&seeds, now_us, &cursor)))
        count += !name || strcmp(address, name) == 0;
    return count;
}

static void who_was_asked_last_is_remembered_for_a_minute(void)
{
    char text[8];
    unsigned i;

    set_up(1);
    for (i = 0; i < 20; i++) {
        sprintf(text, "s%u", i);
        ask_for(text, false);
        act();
        act();
        now_us++;
    }
    EXPECT(may_know_us(NULL) == 8 && may_know_us("s19") && may_know_us("s12"));
    members = "s19";
    EXPECT(may_know_us(NULL) == 7);
    now_us += 60 * SECOND;
    EXPECT(may_know_us(NULL) == 0);
    seeds_clear(&seeds);
}

int main(void)
{
    the_waits_are_doubled_up_to_half_a_minute();
    they_begin_again_when_it_is_idle_again();
    of_a_crowd_of_seeds_some_are_asked_at_a_time_in_turn();
    our_own_address_is_never_asked();
    all_addresses_of_a_name_are_asked_in_turn();
    a_random_one_of_them_comes_first();
    a_name_without_an_address_is_tried_again();
    a_lookup_that_takes_long_holds_up_nobody();
    one_stranger_is_asked_in_each_period();
    names_are_looked_up_for_it_a_few_at_a_time();
    the_search_waits_for_a_lookup_but_not_for_ever();
    what_the_program_asks_for_is_asked_whoever_is_there();
    who_was_asked_last_is_remembered_for_a_minute();
    return expect_done();
}
