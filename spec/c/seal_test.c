/* SPDX-License-Identifier: MIT */
/* Sealed packets: what opens, what is fresh, who has to prove it. */
#include "seal_sides.h"

static struct side a, b, c;

static void begin(void)
{
    seal_free(a.seal), seal_free(b.seal), seal_free(c.seal);
    a.clock_us = b.clock_us = c.clock_us = 0;
    start_side(&a), start_side(&b), start_side(&c);
    settle();
}

static const char TEXT[] = "a packet of the engine's";

/* ---- What opens ---- */

/* What libsodium's XChaCha20-Poly1305 makes of it in one piece. */
static void the_bytes_are_as_documented(void)
{
    static const uint8_t random[SEAL_RANDOM] = "0123456789abcdef";
    static const uint8_t expected[] = {
        0xc1, 0x00, 0x89, 0x59, '0',  '1',  '2',  '3',  '4',  '5',  '6',  '7',
        '8',  '9',  'a',  'b',  'c',  'd',  'e',  'f',  0,    0,    0,    0,
        0,    0,    0,    1,    0x0a, 0x52, 0x76, 0xa2, 0xd2, 0x5c, 0xbb, 0xa1,
        0xca, 0xd1, 0x7b, 0x69, 0x5f, 0x8b, 0x9b, 0x3f, 0xc7, 0x27, 0x70, 0x6c,
        0x52, 0x9e, 0x64, 0xb6, 0x90, 0x89, 0x36, 0x62};
    struct seal_keys keys = keys_of(KEY_A);
    struct seal_options options = {
        .keys = &keys, .label = "prod", .random = random};
    struct seal *sealer = seal_new(&options, NULL);
    uint8_t out[SEAL_OVERHEAD + 5];

    CHECK(sealer);
    seal_packet(sealer, (struct seal_time){1, TODAY_US}, bytes_of_text("hello"),
                out);
    CHECK(sizeof out == sizeof expected &&
          memcmp(out, expected, sizeof expected) == 0);
    seal_free(sealer);
}

static void what_is_sealed_opens(void)
{
    struct seal_arrival arrival;
    struct datagram datagram;

    begin();
    datagram = seal_text(&a, TEXT);
    CHECK(open_from(&b, &a, &datagram, &arrival) == SEAL_PACKET);
    CHECK(bytes_equal(arrival.packet, bytes_of_text(TEXT)));
    CHECK(arrival.reply_size == 0);
}

static void no_bit_may_be_changed(void)
{
    size_t bit;

    begin();
    for (bit = 0; bit < 8 * (sizeof TEXT - 1 + SEAL_OVERHEAD); bit++) {
        struct seal_arrival arrival;
        struct datagram datagram = seal_text(&a, TEXT);
        seal_verdict verdict;

        datagram.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        verdict = open_from(&b, &a, &datagram, &arrival);
        CHECK(verdict == SEAL_UNAUTHENTIC || verdict == SEAL_FOREIGN_KEY);
        CHECK(arrival.reply_size == 0);
    }
}

static void what_is_cut_short_is_not_authentic(void)
{
    struct datagram datagram;
    size_t size;

    begin();
    datagram = seal_text(&a, TEXT);
    for (size = 0; size < sizeof TEXT - 1 + SEAL_OVERHEAD; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        struct seal_arrival arrival;

        memcpy(exact, datagram.bytes, size);
        CHECK(seal_open(b.seal, time_of(&b), exact, size, bytes_of("a", 1),
                        &arrival) == SEAL_UNAUTHENTIC);
        free(exact);
    }
}

static void another_key_opens_nothing(void)
{
    struct datagram datagram;
    struct side stranger = {NULL, 0, 0};

    begin();
    start_side_with(&stranger, KEY_B, SEAL_SKEW_US);
    datagram = seal_text(&stranger, TEXT);
    CHECK(deliver(&b, &stranger, &datagram) == SEAL_FOREIGN_KEY);
    datagram.bytes[2] = 0x89, datagram.bytes[3] = 0x59; /* it says that it is */
    CHECK(deliver(&b, &stranger, &datagram) == SEAL_UNAUTHENTIC);
    seal_free(stranger.seal);
}

static void another_label_opens_nothing(void)
{
    struct seal_keys keys = keys_of(KEY_A);
    struct seal_options options = {
        .keys = &keys, .skew_us = SEAL_SKEW_US, .label = "test"};
    struct side labelled = {NULL, 0, 'l'};
    struct datagram datagram;

    begin();
    labelled.seal = seal_new(&options, NULL);
    datagram = seal_text(&labelled, TEXT);
    CHECK(deliver(&b, &labelled, &datagram) == SEAL_UNAUTHENTIC);
    seal_free(labelled.seal);
}

/* ---- Counters ---- */

static void a_packet_is_accepted_once(void)
{
    struct datagram datagram;

    begin();
    datagram = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
    CHECK(deliver(&b, &a, &datagram) == SEAL_REPLAYED);
    CHECK(deliver(&c, &a, &datagram) == SEAL_PACKET); /* what remains */
}

/* Or whoever has no key would choose which counter grows. */
static void what_came_before_and_was_changed_is_not_authentic(void)
{
    struct datagram datagram;

    begin();
    datagram = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
    datagram.bytes[datagram.size - 1] ^= 1;
    CHECK(deliver(&b, &a, &datagram) == SEAL_UNAUTHENTIC);
    datagram.bytes[datagram.size - 1] ^= 1;
    CHECK(deliver(&b, &a, &datagram) == SEAL_REPLAYED);
}

static void packets_may_overtake_each_other_within_the_window(void)
{
    static struct datagram list[300];
    int i;

    begin();
    for (i = 0; i < 300; i++)
        list[i] = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &list[0]) == SEAL_PACKET);
    CHECK(deliver(&b, &a, &list[128]) == SEAL_PACKET);
    for (i = 127; i > 0; i--)
        CHECK(deliver(&b, &a, &list[i]) == SEAL_PACKET);
    for (i = 0; i <= 128; i++)
        CHECK(deliver(&b, &a, &list[i]) == SEAL_REPLAYED);
    CHECK(deliver(&b, &a, &list[299]) == SEAL_PACKET);
    CHECK(deliver(&b, &a, &list[299 - 128]) == SEAL_REPLAYED); /* too old */
    CHECK(deliver(&b, &a, &list[299 - 127]) == SEAL_PACKET);
}

static void what_is_older_than_the_first_is_a_replay(void)
{
    struct datagram before, first;

    begin();
    before = seal_text(&a, TEXT);
    first = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &first) == SEAL_PACKET);
    CHECK(deliver(&b, &a, &before) == SEAL_REPLAYED);
}

/* ---- Clocks and challenges ---- */

static void a_wrong_clock_proves_itself(void)
{
    static const int64_t years[] = {-56, -1, 1, 100};
    size_t i;

    for (i = 0; i < 4; i++) {
        struct datagram datagram;

        begin();
        a.clock_us = years[i] * 365 * 86400 * SECOND;
        datagram = seal_text(&a, TEXT);
        CHECK(exchange(&b, &a, &datagram, NULL) == 1);
        datagram = seal_text(&b, TEXT);
        CHECK(exchange(&a, &b, &datagram, NULL) == 1);
        datagram = seal_text(&a, TEXT);
        CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET); /* known by now */
    }
}

static void with_a_skew_of_0_all_prove_themselves(void)
{
    struct datagram datagram;
    struct side d = {NULL, 0, 0};

    begin();
    start_side_with(&d, KEY_A, 0);
    settle();
    datagram = seal_text(&a, TEXT);
    CHECK(exchange(&d, &a, &datagram, NULL) == 1);
    CHECK(seal_get_counts(d.seal).challenges == 1);
    seal_free(d.seal);
}

static void all_that_was_held_is_had_once(void)
{
    struct seal_arrival arrival;
    struct datagram list[4], reply;
    unsigned i;

    begin();
    a.clock_us = -3600ll * SECOND;
    for (i = 0; i < 3; i++)
        list[i] = seal_text(&a, TEXT);
    CHECK(open_from(&b, &a, &list[0], &arrival) == SEAL_TAKEN);
    reply = reply_of(&arrival);
    for (i = 0; i < 3; i++) { /* one question is enough */
        seal_verdict verdict = open_from(&b, &a, &list[i], &arrival);

        CHECK(verdict == (i > 0 ? SEAL_TAKEN : SEAL_UNPROVEN));
        CHECK(arrival.reply_size == 0);
    }
    CHECK(open_from(&a, &b, &reply, &arrival) == SEAL_TAKEN);
    reply = reply_of(&arrival);
    list[3] = seal_text(&a, TEXT); /* it overtakes the answer */
    CHECK(open_from(&b, &a, &list[3], &arrival) == SEAL_TAKEN);
    CHECK(deliver(&b, &a, &reply) == SEAL_TAKEN);
    CHECK(take_proven(&b) == 4);
    for (i = 0; i < 4; i++)
        CHECK(deliver(&b, &a, &list[i]) == SEAL_REPLAYED);
}

static void an_answer_must_come_from_the_same_address_and_in_time(void)
{
    struct seal_arrival arrival;
    struct datagram datagram, question, answer;

    begin();
    a.clock_us = -3600ll * SECOND;
    datagram = seal_text(&a, TEXT);
    CHECK(open_from(&b, &a, &datagram, &arrival) == SEAL_TAKEN);
    question = reply_of(&arrival);
    CHECK(open_from(&a, &b, &question, &arrival) == SEAL_TAKEN);
    answer = reply_of(&arrival);
    CHECK(deliver(&b, &c, &answer) == SEAL_UNPROVEN);
    world_us += 5 * SECOND;
    CHECK(deliver(&b, &a, &answer) == SEAL_UNPROVEN);
    CHECK(take_proven(&b) == 0);
}

static void an_address_gets_fifty_first_questions_in_a_second(void)
{
    unsigned i, questions = 0;

    begin();
    for (i = 0; i < 100; i++) {
        struct seal_arrival arrival;
        struct datagram datagram;

        restart_side(&a); /* each time another session */
        a.clock_us = -3600ll * SECOND;
        datagram = seal_text(&a, TEXT);
        (void)open_from(&b, &c, &datagram, &arrival);
        questions += arrival.reply_size > 0;
    }
    CHECK(questions == 50);
}

static void who_cannot_be_asked_within_its_bytes_is_not(void)
{
    struct seal_arrival arrival;
    struct datagram datagram;

    begin();
    a.clock_us = -3600ll * SECOND;
    datagram = seal_text(&a, "elevenbytes");
    CHECK(open_from(&b, &a, &datagram, &arrival) == SEAL_UNPROVEN);
    CHECK(arrival.reply_size == 0);
}

static void a_clock_may_be_set_while_a_session_lasts(void)
{
    static const int64_t steps[] = {-7200, 7200, 100, 0, -1000000000};
    struct datagram datagram;
    size_t i;

    begin();
    datagram = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
    for (i = 0; i < 5; i++) {
        a.clock_us = steps[i] * SECOND;
        datagram = seal_text(&a, TEXT);
        CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
        b.clock_us = steps[4 - i] * SECOND;
        datagram = seal_text(&a, TEXT);
        CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
    }
}

/* ---- Restarts ---- */

/* `recorded` are sealed by a, 10 ms apart; b gets them, restarts `after` that,
 * with a clock that is `ahead` of a's, and gets them again. */
static void replay_after_restart(uint64_t after_us, int64_t ahead_us)
{
    enum { MANY = 2000 };
    static struct datagram recorded[MANY];
    struct seal_arrival arrival;
    unsigned i, round;

    begin();
    b.clock_us = ahead_us;
    for (i = 0; i < MANY; i++) {
        world_us += 10 * 1000;
        recorded[i] = seal_text(&a, TEXT);
        CHECK(exchange(&b, &a, &recorded[i], NULL) == 1);
    }
    world_us += after_us;
    restart_side(&b);
    for (round = 0; round < 50; round++, world_us += SECOND) {
        for (i = 0; i < MANY; i++) {
            const struct datagram *latest = &recorded[MANY - 1 - i];
            seal_verdict verdict = open_from(&b, &a, latest, &arrival);

            CHECK(verdict != SEAL_PACKET);
            if (arrival.reply_size > 0) { /* and a answers, as it must */
                struct datagram reply = reply_of(&arrival);

                CHECK(open_from(&a, &b, &reply, &arrival) == SEAL_TAKEN);
                reply = reply_of(&arrival);
                if (reply.size > 0)
                    (void)deliver(&b, &a, &reply);
            }
            CHECK(take_proven(&b) == 0);
        }
    }
}

static void a_restart_opens_no_replay(void)
{
    replay_after_restart(0, 0);
    replay_after_restart(0, 29 * SECOND);  /* the sender's clock is behind */
    replay_after_restart(0, -29 * SECOND); /* or ahead, within the skew */
    replay_after_restart(0, -3600ll * SECOND);
    replay_after_restart(5 * SECOND, -20 * SECOND);
}

/* The time between the packet and the answer must not shrink. */
static void a_clock_that_is_set_back_opens_no_replay(void)
{
    struct datagram recorded;

    begin();
    recorded = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &recorded) == SEAL_PACKET);
    world_us += 60 * SECOND;
    restart_side(&b);
    world_us += SECOND / 2;
    a.clock_us = -60 * SECOND - 400 * 1000; /* 0.1 s before, it seems */
    CHECK(exchange(&b, &a, &recorded, NULL) == 0);
}

/* What was sealed before the start is never later than it, whatever is done to
 * our clock afterwards. */
static void a_clock_of_ours_that_is_set_back_opens_no_replay(void)
{
    static struct datagram recorded[100];
    unsigned i, second;

    begin();
    for (i = 0; i < 100; i++) {
        world_us += SECOND / 10;
        recorded[i] = seal_text(&a, TEXT);
        CHECK(deliver(&b, &a, &recorded[i]) == SEAL_PACKET);
    }
    world_us += SECOND;
    restart_side(&b);
    world_us += 40 * SECOND;
    for (second = 0; second < 120; second++) {
        b.clock_us = -(int64_t)second * SECOND;
        for (i = 0; i < 100; i++) {
            CHECK(deliver(&b, &a, &recorded[i]) != SEAL_PACKET);
            CHECK(take_proven(&b) == 0);
        }
    }
    b.clock_us = 0; /* and what is later is fresh, as before */
    recorded[0] = seal_text(&c, TEXT);
    CHECK(deliver(&b, &c, &recorded[0]) == SEAL_PACKET);
}

static void who_has_just_started_holds_and_asks(void)
{
    struct datagram datagram;

    begin();
    restart_side(&b);
    world_us += 10 * 1000;
    datagram = seal_text(&a, TEXT);
    CHECK(exchange(&b, &a, &datagram, NULL) == 1);
    CHECK(seal_get_counts(b.seal).challenges == 1);
    settle();
    datagram = seal_text(&c, TEXT);
    CHECK(deliver(&b, &c, &datagram) == SEAL_PACKET);
    CHECK(seal_get_counts(b.seal).challenges == 1);
}

/* ---- Sessions that were forgotten ---- */

enum { ROOM = 32 };

/* Fills b's table with sessions that are younger than a's. */
static void crowd_out(void)
{
    unsigned i;

    world_us += 11 * SECOND;
    for (i = 0; i < ROOM; i++) {
        struct datagram datagram;

        restart_side(&c);
        datagram = seal_text(&c, TEXT);
        CHECK(deliver(&b, &c, &datagram) == SEAL_PACKET);
    }
    CHECK(seal_get_counts(b.seal).sessions == ROOM);
}

static void a_forgotten_session_opens_no_replay(void)
{
    static struct datagram recorded[100];
    struct seal_arrival arrival;
    struct datagram datagram;
    unsigned i;

    begin();
    seal_limit_sessions(b.seal, ROOM);
    for (i = 0; i < 100; i++) {
        world_us += 1000;
        recorded[i] = seal_text(&a, TEXT);
        CHECK(deliver(&b, &a, &recorded[i]) == SEAL_PACKET);
    }
    crowd_out();
    world_us += 11 * SECOND; /* there is room again, and the clocks would do */
    for (i = 0; i < 100; i++) {
        CHECK(open_from(&b, &a, &recorded[i], &arrival) == SEAL_UNPROVEN);
        if (arrival.reply_size > 0) {
            struct datagram reply = reply_of(&arrival);

            CHECK(open_from(&a, &b, &reply, &arrival) == SEAL_TAKEN);
        }
    }
    datagram = seal_text(&a, TEXT); /* it is later: the clock will do */
    CHECK(exchange(&b, &a, &datagram, NULL) == 1);
    for (i = 0; i < 100; i++)
        CHECK(deliver(&b, &a, &recorded[i]) == SEAL_REPLAYED);
}

/* The answer that opened the window once must not do it again, when the session
 * was forgotten and packets that came after the answer could be replayed. */
static void an_old_answer_opens_no_window(void)
{
    struct datagram first, answer, later;

    begin();
    seal_limit_sessions(b.seal, ROOM);
    a.clock_us = -3600ll * SECOND;
    first = seal_text(&a, TEXT);
    CHECK(exchange(&b, &a, &first, &answer) == 1);
    later = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &later) == SEAL_PACKET);
    crowd_out();
    CHECK(deliver(&b, &a, &answer) == SEAL_UNPROVEN);
    CHECK(deliver(&b, &a, &later) != SEAL_PACKET);
    CHECK(take_proven(&b) == 0);
}

static void who_spoke_within_ten_seconds_is_not_forgotten(void)
{
    struct datagram datagram;
    unsigned i;

    begin();
    seal_limit_sessions(b.seal, ROOM);
    for (i = 0; i < 2 * ROOM; i++) {
        restart_side(&c);
        datagram = seal_text(&c, TEXT);
        CHECK(deliver(&b, &c, &datagram) ==
              (i < ROOM ? SEAL_PACKET : SEAL_UNPROVEN));
    }
}

static void the_table_does_not_grow_with_restarts(void)
{
    struct datagram datagram;
    unsigned i;

    begin();
    for (i = 0; i < 5000; i++) {
        world_us += 10 * SECOND;
        restart_side(&c);
        datagram = seal_text(&c, TEXT);
        CHECK(deliver(&b, &c, &datagram) == SEAL_PACKET);
    }
    CHECK(seal_get_counts(b.seal).sessions <= 64);
}

/* ---- Keys ---- */

static void rotate(struct side *side, const char *add, const char *use,
                   const char *remove)
{
    struct seal_keys *keys = seal_get_keys(side->seal);

    if (add)
        CHECK(seal_keys_add(keys, add, strlen(add), NULL) == 0);
    if (use)
        CHECK(seal_keys_use(keys, use, NULL) == 0);
    if (remove)
        CHECK(seal_keys_remove(keys, remove, NULL) == 0);
    seal_keys_changed(side->seal);
}

static void check_both_ways(void)
{
    struct datagram datagram = seal_text(&a, TEXT);

    CHECK(deliver(&b, &a, &datagram) == SEAL_PACKET);
    datagram = seal_text(&b, TEXT);
    CHECK(deliver(&a, &b, &datagram) == SEAL_PACKET);
}

static void keys_rotate_without_a_loss(void)
{
    struct seal_keys other = keys_of(KEY_B), one = keys_of(KEY_A);
    char new[SEAL_ID_TEXT], old[SEAL_ID_TEXT];
    struct datagram recorded;

    begin();
    seal_key_format_id(&other.list[0], new);
    seal_key_format_id(&one.list[0], old);
    check_both_ways();
    recorded = seal_text(&a, TEXT);
    CHECK(deliver(&b, &a, &recorded) == SEAL_PACKET);
    rotate(&a, KEY_B, NULL, NULL), check_both_ways();
    rotate(&b, KEY_B, NULL, NULL), check_both_ways();
    rotate(&a, NULL, new, NULL), check_both_ways();
    CHECK(deliver(&b, &a, &recorded) == SEAL_REPLAYED);
    rotate(&b, NULL, new, NULL), check_both_ways();
    rotate(&a, NULL, NULL, old), check_both_ways();
    rotate(&b, NULL, NULL, old), check_both_ways();
    CHECK(deliver(&b, &a, &recorded) == SEAL_FOREIGN_KEY);
}

static struct datagram seal_for(struct side *side, const struct side *to)
{
    struct datagram datagram = {.size = strlen(TEXT) + SEAL_OVERHEAD};

    seal_packet_to(side->seal, time_of(side), bytes_of(&to->name, 1),
                   bytes_of_text(TEXT), datagram.bytes);
    return datagram;
}

static bool gets(struct side *from, struct side *to)
{
    struct datagram datagram = seal_for(from, to);

    return deliver(to, from, &datagram) == SEAL_PACKET;
}

/* b was away while a changed the key; c did not miss it. */
static void who_comes_back_with_the_old_key_is_answered_with_it(void)
{
    struct seal_keys other = keys_of(KEY_B), one = keys_of(KEY_A);
    char new[SEAL_ID_TEXT], old[SEAL_ID_TEXT];
    struct datagram late;

    begin();
    seal_key_format_id(&other.list[0], new);
    seal_key_format_id(&one.list[0], old);
    check_both_ways();
    rotate(&a, KEY_B, new, NULL);
    CHECK(!gets(&a, &b));
    late = seal_text(&b, TEXT);
    CHECK(gets(&b, &a) && gets(&a, &b));
    world_us += 59 * SECOND;
    CHECK(gets(&a, &b));
    world_us += 2 * SECOND;
    CHECK(!gets(&a, &b)); /* it was not heard for a minute */
    CHECK(gets(&b, &a) && gets(&a, &b));
    rotate(&b, KEY_B, new, NULL);
    CHECK(gets(&b, &a)); /* with the new one, so it gets that from now on */
    CHECK(seal_keys_remove(seal_get_keys(b.seal), old, NULL) == 0);
    CHECK(gets(&a, &b));
    (void)deliver(&a, &b, &late);
    CHECK(gets(&a, &b));
}

/* What is repeated says nothing of whoever is where it comes from. */
static void a_replay_does_not_choose_a_key(void)
{
    struct seal_keys other = keys_of(KEY_B), one = keys_of(KEY_A);
    char new[SEAL_ID_TEXT], old[SEAL_ID_TEXT];
    struct datagram recorded;

    begin();
    seal_key_format_id(&other.list[0], new);
    seal_key_format_id(&one.list[0], old);
    recorded = seal_text(&b, TEXT);
    CHECK(deliver(&a, &b, &recorded) == SEAL_PACKET);
    rotate(&a, KEY_B, new, NULL);
    rotate(&b, KEY_B, new, NULL);
    CHECK(seal_keys_remove(seal_get_keys(b.seal), old, NULL) == 0);
    CHECK(deliver(&a, &b, &recorded) == SEAL_REPLAYED);
    CHECK(gets(&a, &b));
}

int main(void)
{
    if (*seal_problem()) {
        printf("skipped: %s\n", seal_problem());
        return 0;
    }
    RUN(the_bytes_are_as_documented);
    RUN(what_is_sealed_opens);
    RUN(no_bit_may_be_changed);
    RUN(what_is_cut_short_is_not_authentic);
    RUN(another_key_opens_nothing);
    RUN(another_label_opens_nothing);
    RUN(a_packet_is_accepted_once);
    RUN(what_came_before_and_was_changed_is_not_authentic);
    RUN(packets_may_overtake_each_other_within_the_window);
    RUN(what_is_older_than_the_first_is_a_replay);
    RUN(a_wrong_clock_proves_itself);
    RUN(with_a_skew_of_0_all_prove_themselves);
    RUN(all_that_was_held_is_had_once);
    RUN(an_answer_must_come_from_the_same_address_and_in_time);
    RUN(an_address_gets_fifty_first_questions_in_a_second);
    RUN(who_cannot_be_asked_within_its_bytes_is_not);
    RUN(a_clock_may_be_set_while_a_session_lasts);
    RUN(a_restart_opens_no_replay);
    RUN(a_clock_that_is_set_back_opens_no_replay);
    RUN(a_clock_of_ours_that_is_set_back_opens_no_replay);
    RUN(who_has_just_started_holds_and_asks);
    RUN(a_forgotten_session_opens_no_replay);
    RUN(an_old_answer_opens_no_window);
    RUN(who_spoke_within_ten_seconds_is_not_forgotten);
    RUN(the_table_does_not_grow_with_restarts);
    RUN(keys_rotate_without_a_loss);
    RUN(who_comes_back_with_the_old_key_is_answered_with_it);
    RUN(a_replay_does_not_choose_a_key);
    seal_free(a.seal), seal_free(b.seal), seal_free(c.seal);
    return 0;
}
