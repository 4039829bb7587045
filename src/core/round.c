/* SPDX-License-Identifier: MIT */
#include "round.h"

#include "engine.h"
#include "exchange.h"
#include "records/items.h"
#include "send.h"

enum {
    MAX_TRIES = 5,
    PEER_TRIES = 2,  /* then somebody else is asked */
    WINDOW = 8,      /* packets under way, where a cell fills several */
    FEW = 24,        /* members of a cell that is listed at once */
    PER_PART = 16,   /* members of a part, if sums are sent */
    NEWS = 3,        /* members: then other rounds follow ... */
    HUNGER = 2,      /* ... until so many have brought nothing */
    MAX_QUIET = 5,   /* pauses double so often */
    SPLIT = 3,       /* bits: a cell that was cut off is compared in 8 parts */
    FAR_BEHIND = 16, /* members, and half of theirs */
    MAX_PACKETS = 3  /* of questions at a time */
};

void round_init(struct round *round)
{
    *round = (struct round){.at_us = SHOAL_NEVER};
}

/* From now on we ask random members. */
static void forget_peer(shoal *engine)
{
    identity_release(&engine->mem, engine->round.peer);
    engine->round.peer = NULL;
}

void round_stop(shoal *engine)
{
    forget_peer(engine);
    round_init(&engine->round);
}

/* ---- The questions of a round ---- */

static struct cell cell_of(const struct round_cell *asked)
{
    return (struct cell){asked->prefix, asked->bits};
}

static void add(shoal *engine, struct cell cell)
{
    struct round *round = &engine->round;
    if (round->count < ROUND_CELLS)
        round->cells[round->count++] = (struct round_cell){
            .prefix = cell.prefix, .bits = cell.bits, .due_us = engine->now_us};
}

static void drop(struct round *round, struct round_cell *asked)
{
    *asked = round->cells[--round->count];
}

static struct round_cell *find(struct round *round, struct cell cell)
{
    for (uint32_t i = 0; i < round->count; i++)
        if (round->cells[i].prefix == cell.prefix &&
            round->cells[i].bits == cell.bits)
            return &round->cells[i];
    return NULL;
}

/* ---- Asking ---- */

static uint64_t patience(const shoal *engine, const struct round_cell *asked)
{
    return (engine->config.probe_rtt_us / 5 + 1) << asked->tries;
}

static struct member *somebody(shoal *engine)
{
    struct round *round = &engine->round;
    if (round->peer) {
        struct member *member =
            members_find_active(&engine->members, round->peer);
        if (member)
            return member;
        forget_peer(engine);
    }
    return members_pick_one(&engine->members, &engine->rng);
}

/* Bits of the cells whose sums are sent. */
static uint8_t split_for(size_t members, struct cell cell)
{
    uint8_t split = RECORD_LEAST_SPLIT;
    while (split < RECORD_MOST_SPLIT && members > (size_t)PER_PART << split)
        split++;
    return cell.bits + split > CELLS_MAX_BITS ? 0 : split;
}

static bool write_question(shoal *engine, struct records *records,
                           struct cell cell)
{
    size_t members = engine->members.active.count >> cell.bits;
    uint8_t split = split_for(members, cell);
    bool lists = engine->round.lists_all || members <= FEW || split == 0;
    if (lists && exchange_write_list(engine, records, cell))
        return true;
    while (split > RECORD_LEAST_SPLIT &&
           ((size_t)4 << split) + RECORD_HEAD > records->room)
        split--;
    return split > 0 && exchange_write_sums(engine, records, cell, split);
}

static void mark_asked(shoal *engine, struct round_cell *asked)
{
    asked->is_asked = true;
    asked->due_us = engine->now_us + patience(engine, asked);
    asked->tries++;
}

static bool is_due(const shoal *engine, const struct round_cell *asked)
{
    return asked->due_us <= engine->now_us;
}

/* Questions without an answer are due again; not for ever. */
static void give_up(shoal *engine)
{
    struct round *round = &engine->round;
    for (uint32_t i = 0; i < round->count;) {
        struct round_cell *asked = &round->cells[i];
        bool is_late = asked->is_asked && is_due(engine, asked);
        if (is_late && asked->tries >= PEER_TRIES)
            forget_peer(engine);
        if (is_late)
            asked->is_asked = false;
        if (is_late && asked->tries >= MAX_TRIES)
            drop(round, asked);
        else
            i++;
    }
}

static uint32_t num_asked(const struct round *round)
{
    uint32_t asked = 0;
    for (uint32_t i = 0; i < round->count; i++)
        asked += round->cells[i].is_asked;
    return asked;
}

/* One packet, with as many questions as it holds. false: there was nothing to
 * ask, or nobody. */
static bool ask(shoal *engine)
{
    struct round *round = &engine->round;
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct member *to = somebody(engine);
    struct records records = {
        .bytes = buffer, .room = to ? exchange_room(engine, to->identity) : 0};
    for (uint32_t i = 0; to && i < round->count; i++) {
        struct round_cell *asked = &round->cells[i];
        if (asked->is_asked || !is_due(engine, asked))
            continue;
        if (write_question(engine, &records, cell_of(asked)))
            mark_asked(engine, asked);
        else if (records.size == 0) /* no packet holds it */
            drop(round, asked);
        else
            break;
        if (round->lists_all)
            break;
    }
    if (records.size == 0)
        return false;
    exchange_ask(engine, to, &records);
    return true;
}

/* As many are under way as there may be? */
static bool is_full(const struct round *round)
{
    return round->lists_all && num_asked(round) >= WINDOW;
}

/* What could not be asked just now waits for an answer, or for a moment. */
static uint64_t next_of(const shoal *engine, const struct round_cell *asked)
{
    uint64_t moment_us = engine->config.probe_rtt_us / 500 + 1;
    if (asked->is_asked || !is_due(engine, asked))
        return asked->due_us;
    return is_full(&engine->round) ? SHOAL_NEVER : engine->now_us + moment_us;
}

static void plan(shoal *engine)
{
    struct round *round = &engine->round;
    round->at_us = SHOAL_NEVER;
    for (uint32_t i = 0; i < round->count; i++) {
        uint64_t next_us = next_of(engine, &round->cells[i]);
        if (next_us < round->at_us)
            round->at_us = next_us;
    }
}

/* ---- The whole round ---- */

static void begin(shoal *engine)
{
    struct round *round = &engine->round;
    round->is_planned = false;
    round->begun_us = engine->now_us;
    round->learned = engine->learned;
    round->told = 0;
}

/* Within a random part of that time. */
static void begin_within(shoal *engine, uint64_t from_us, uint64_t to_us)
{
    struct round *round = &engine->round;
    round->is_planned = true;
    round->at_us = engine->now_us + from_us +
                   rng_next(&engine->rng) % (to_us - from_us + 1);
}

void round_begin(shoal *engine)
{
    if (!digest_is_on(engine))
        return;
    round_stop(engine);
    engine->round.lists_all = true;
    engine->round.hunger = HUNGER;
    begin_within(engine, 0, engine->config.probe_rtt_us / 50);
}

static void end(shoal *engine)
{
    struct round *round = &engine->round;
    uint64_t period_us = engine->config.probe_period_us;
    uint64_t learned = engine->learned - round->learned;
    forget_peer(engine);
    round->at_us = SHOAL_NEVER;
    if (learned + round->told > 0)
        round->quiet = 0;
    else if (round->quiet < MAX_QUIET)
        round->quiet++;
    if (learned >= (round->hunger > 0 ? 1 : NEWS))
        round->hunger = HUNGER;
    else if (round->hunger > 0)
        round->hunger--;
    if (round->hunger > 0)
        begin_within(engine, period_us / 10, period_us / 5);
    else
        round->lists_all = false;
}

static bool is_running(const struct round *round)
{
    return round->count > 0 || round->is_planned;
}

static bool is_too_soon(const shoal *engine)
{
    const struct round *round = &engine->round;
    uint64_t pause_us = engine->config.probe_period_us / 2 << round->quiet;
    return round->begun_us > 0 && engine->now_us - round->begun_us < pause_us;
}

static void go_on(shoal *engine)
{
    struct round *round = &engine->round;
    if (round->is_planned)
        return;
    for (uint32_t n = 0; n < (round->lists_all ? WINDOW : MAX_PACKETS); n++)
        if (is_full(round) || !ask(engine))
            break;
    if (round->count > 0)
        plan(engine);
    else if (round->at_us != SHOAL_NEVER)
        end(engine);
}

static void add_buckets(shoal *engine, uint8_t buckets)
{
    if (buckets == DIGEST_ALL)
        add(engine, (struct cell){0});
    else
        for (uint32_t i = 0; i < CELLS_BUCKETS; i++)
            if (buckets >> i & 1)
                add(engine, cell_sub((struct cell){0}, CELLS_BUCKET_BITS, i));
}

void round_compare(shoal *engine, struct identity *peer,
                   const shoal_header *header)
{
    struct round *round = &engine->round;
    shoal_digest ours;
    if (!digest_compare(engine, header, &ours) || is_running(round) ||
        is_too_soon(engine))
        return;
    uint64_t behind = (uint64_t)ours.members * 2 + FAR_BEHIND;
    round->lists_all = header->digest.members > behind;
    begin(engine);
    if (!round->lists_all)
        round->peer = identity_retain(peer);
    add_buckets(engine, (uint8_t)~ours.without);
    go_on(engine);
}

/* ---- Answers ---- */

static bool is_answer(const struct record *record)
{
    return record->kind == RECORD_DIFFER || record->kind == RECORD_DONE;
}

static void take(shoal *engine, const struct record *record)
{
    struct round *round = &engine->round;
    struct round_cell *asked = find(round, record->cell);
    bool differs = record->kind == RECORD_DIFFER;
    uint8_t split = differs ? record->split : SPLIT;
    if (!asked || asked->tries == 0)
        return;
    drop(round, asked);
    if ((!differs && !record->is_cut) ||
        record->cell.bits + split > CELLS_MAX_BITS)
        return;
    for (uint32_t i = 0; i < 1u << split; i++)
        if (!differs || record_bit(record, i))
            add(engine, cell_sub(record->cell, split, i));
}

void round_receive(shoal *engine, shoal_bytes items)
{
    bool any = false;
    while (items.size > 0) {
        struct record record;
        if (record_read(items_take(&items), &record) || !is_answer(&record))
            continue;
        take(engine, &record);
        any = true;
    }
    if (any)
        go_on(engine);
}

void round_tick(shoal *engine)
{
    struct round *round = &engine->round;
    if (round->at_us > engine->now_us)
        return;
    if (round->is_planned) {
        begin(engine);
        add(engine, (struct cell){0});
    }
    give_up(engine);
    go_on(engine);
}
