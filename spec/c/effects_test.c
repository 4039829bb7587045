/* SPDX-License-Identifier: MIT */
/* What only C sees of effects: what a send says of its packet, and what they
 * leave behind in memory. */
#include "../../src/shoal.h"
#include "expect.h"

static shoal_bytes text(const char *string)
{
    return (shoal_bytes){(const uint8_t *)string, strlen(string)};
}

struct id {
    uint8_t bytes[SHOAL_MAX_IDENTITY];
    size_t size;
};

static shoal_bytes id_at(struct id *id, const char *address)
{
    EXPECT(shoal_stock_identity_new(text(address), 1, id->bytes, &id->size) ==
           0);
    return (shoal_bytes){id->bytes, id->size};
}

static shoal *make(void)
{
    struct id id;
    shoal_options options = {.identity = id_at(&id, "a:1"),
                             .seed = 1,
                             .config = shoal_config_lan(8),
                             .handlers = {.identity = shoal_stock_identity(),
                                          .codec = shoal_default_codec()}};
    shoal *engine;

    EXPECT(shoal_new(&options, &engine, NULL) == 0);
    return engine;
}

static void learn(shoal *engine, const char *address)
{
    struct id id;
    shoal_update claim = {.id = id_at(&id, address)};

    EXPECT(shoal_apply(engine, 0, &claim, 1, true, NULL) == 0);
}

static void drain(shoal *engine)
{
    shoal_effect effect;

    while (shoal_next_effect(engine, &effect))
        ;
}

/* ---- A send says how many updates its packet carries ---- */

static unsigned count_in(shoal_bytes packet)
{
    shoal_codec codec = shoal_default_codec();
    shoal_header header;
    size_t used;

    EXPECT(codec.decode_header(codec.context, packet, &header, &used) == 0);
    return (unsigned)packet.data[used] << 8 | packet.data[used + 1];
}

static void a_send_counts_its_updates(void)
{
    shoal *engine = make();
    shoal_effect effect;
    unsigned sends = 0;

    learn(engine, "b:1");
    learn(engine, "c:1");
    learn(engine, "d:1");
    drain(engine);
    EXPECT(shoal_gossip(engine, 0) == 0);
    while (shoal_next_effect(engine, &effect)) {
        EXPECT(effect.kind == SHOAL_SEND);
        EXPECT(effect.updates == 3);
        EXPECT(effect.updates == count_in(effect.packet));
        EXPECT(effect.size == effect.packet.size);
        sends++;
    }
    EXPECT(sends == 3);
    shoal_free(engine);
}

static void an_announce_has_none(void)
{
    shoal *engine = make();
    shoal_effect effect;
    struct id id;

    learn(engine, "b:1");
    drain(engine);
    EXPECT(shoal_announce(engine, 0, id_at(&id, "b:1")) == 0);
    EXPECT(shoal_next_effect(engine, &effect));
    EXPECT(effect.kind == SHOAL_SEND && effect.updates == 0);
    shoal_free(engine);
}

/* ---- What was read leaves a few blocks behind, however much it was ---- */

static uint64_t memory_after(shoal *engine, unsigned sends)
{
    struct id id;
    shoal_bytes to = id_at(&id, "b:1");

    for (unsigned i = 0; i < sends; i++)
        EXPECT(shoal_announce(engine, 0, to) == 0);
    drain(engine);
    return shoal_get_stats(engine).memory_bytes;
}

static void a_burst_is_given_back(void)
{
    shoal *engine = make();
    uint64_t few = memory_after(engine, 1), some = memory_after(engine, 1000);

    EXPECT(some > few); /* kept for the next one */
    EXPECT(some <= few + 9 * 9000);
    EXPECT(memory_after(engine, 5000) == some);
    shoal_free(engine);
}

/* ---- What is refused ---- */

static void a_state_that_there_is_none_of_ends_an_apply(void)
{
    shoal *engine = make();
    struct id ids[3];
    shoal_update claims[3] = {{.id = id_at(&ids[0], "b:1")},
                              {.id = id_at(&ids[1], "c:1"), .state = 3},
                              {.id = id_at(&ids[2], "d:1")}};
    size_t applied = 9;

    EXPECT(shoal_apply(engine, 0, claims, 3, true, &applied) ==
           SHOAL_ERR_MALFORMED);
    EXPECT(applied == 1);
    EXPECT(shoal_num_known(engine) == 1);
    EXPECT(!shoal_is_asking(engine));
    shoal_free(engine);
}

static void tags_that_are_none_leave_those_that_were(void)
{
    static const uint8_t good[] = {0x81, 0xa1, 'a', 7}, bad[] = {0x81, 5, 1};
    shoal *engine = make();

    EXPECT(shoal_set_tags(engine, 0, (shoal_bytes){good, sizeof good}) == 0);
    EXPECT(shoal_set_tags(engine, 0, (shoal_bytes){bad, sizeof bad}) ==
           SHOAL_ERR_MALFORMED);
    EXPECT(strcmp(shoal_error_detail(engine),
                  "the name of a tag is not a str") == 0);
    EXPECT(shoal_self(engine).tags.size == sizeof good);
    EXPECT(memcmp(shoal_self(engine).tags.data, good, sizeof good) == 0);
    shoal_free(engine);
}

int main(void)
{
    tags_that_are_none_leave_those_that_were();
    a_state_that_there_is_none_of_ends_an_apply();
    a_send_counts_its_updates();
    an_announce_has_none();
    a_burst_is_given_back();
    return expect_done();
}
