/* SPDX-License-Identifier: MIT */
#include "exchange_answer.h"

#include "../engine.h"
#include "../exchange_parts.h"
#include "../records/items.h"
#include "../self.h"
#include "../send.h"

#include <stdlib.h>

enum {
    MAX_WALK = 4096, /* members that one list makes us look at */
    TURNS = 20,      /* of a peer in a probe period, */
    BURST = 16,      /* so many of them at once */
    CROWD = 64       /* the turns of all strangers together: times that */
};

struct answer {
    struct tell_list telling;
    struct records records;
    uint32_t wants[EXCHANGE_WANTS];
    uint32_t num_wants;
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
};

static void tell(struct answer *answer, uint32_t slot)
{
    struct tell_list *telling = &answer->telling;
    if (telling->count < EXCHANGE_TELLS)
        telling->slots[telling->count++] = slot;
    else
        telling->is_cut = true;
}

static void want(struct answer *answer, uint32_t hash)
{
    if (answer->num_wants < EXCHANGE_WANTS)
        answer->wants[answer->num_wants++] = hash;
}

static void answer_sums(shoal *engine, const struct record *record,
                        struct answer *answer)
{
    uint64_t differ = 0;
    for (uint32_t i = 0; i < 1u << record->split; i++)
        if (exchange_sum(engine, cell_sub(record->cell, record->split, i)) !=
            record_word(record, i))
            differ |= UINT64_C(1) << i;
    record_begin(&answer->records, RECORD_DIFFER, record->cell);
    record_put(&answer->records, record->split, 1);
    for (uint32_t i = 0; i < 1u << record->split; i += 8)
        record_put(&answer->records, differ >> i & 0xff, 1);
    record_end(&answer->records);
}

/* What it lists and we lack. */
static uint32_t compare_theirs(shoal *engine, const struct record *record,
                               struct answer *answer, struct entry_of entries[])
{
    shoal_bytes body = record->body;
    uint32_t count = 0;
    for (struct entry_of entry; record_next_entry(&body, &entry);) {
        if (count < EXCHANGE_MAX_RECORDS)
            entries[count++] = entry;
        if (entry.hash == engine->self->wire_hash) {
            if (engine->sender.is_active)
                self_heard_of_tags(engine, entry.version);
            continue;
        }
        const struct member *member = cells_find(&engine->members, entry.hash);
        if (!member || tags_version(member->tags) < entry.version)
            want(answer, entry.hash);
    }
    return count;
}

/* Is it not among these, or with older tags? */
static bool is_lacked(const struct entry_of *ours,
                      const struct entry_of entries[], uint32_t count)
{
    const struct entry_of *theirs =
        bsearch(ours, entries, count, sizeof *ours, exchange_by_hash);
    return !theirs || theirs->version < ours->version;
}

/* What we know and it does not list. Our packet says that we are there, but not
 * our tags. */
static void compare_ours(shoal *engine, const struct record *record,
                         struct answer *answer, const struct entry_of entries[],
                         uint32_t count)
{
    struct cell_walk walk = cells_walk(&engine->members, record->cell,
                                       (uint32_t)rng_next(&engine->rng));
    struct member *member;
    struct entry_of own = exchange_own_entry(engine);
    if (cell_has(record->cell, own.hash) && own.version > 0 &&
        is_lacked(&own, entries, count))
        tell(answer, NO_SLOT);
    for (uint32_t n = 0; (member = cells_next(&engine->members, &walk)); n++) {
        struct entry_of ours = exchange_entry(member);
        if (n == MAX_WALK || answer->telling.is_cut) {
            answer->telling.is_cut = true;
            return;
        }
        if (is_lacked(&ours, entries, count))
            tell(answer, member->slot);
    }
}

static void answer_list(shoal *engine, const struct record *record,
                        struct answer *answer)
{
    struct entry_of entries[EXCHANGE_MAX_RECORDS];
    uint32_t count = compare_theirs(engine, record, answer, entries);
    compare_ours(engine, record, answer, entries, count);
    record_begin(&answer->records, RECORD_DONE, record->cell);
    record_put(&answer->records, 0, 1);
    record_end(&answer->records);
}

static void answer_want(shoal *engine, const struct record *record,
                        struct answer *answer)
{
    for (uint32_t i = 0; i < record->body.size / 4; i++) {
        uint32_t hash = record_word(record, i);
        const struct member *member = cells_find(&engine->members, hash);
        bool is_us = hash == engine->self->wire_hash;
        if (!member && !is_us)
            continue;
        tell(answer, is_us ? NO_SLOT : member->slot);
        engine->round.told += engine->sender.is_active;
    }
}

static void write_wants(struct answer *answer)
{
    if (answer->num_wants == 0)
        return;
    record_begin(&answer->records, RECORD_WANT, (struct cell){0});
    for (uint32_t i = 0; i < answer->num_wants; i++)
        record_put(&answer->records, answer->wants[i], 4);
    record_end(&answer->records);
}

static void send_answer(shoal *engine, const struct who *to,
                        struct answer *answer)
{
    struct tell_list *telling = &answer->telling;
    uint32_t packets = engine->sender.is_proven || !cookie_is_on(engine)
                           ? EXCHANGE_PACKETS
                           : 1;
    write_wants(answer);
    for (uint32_t n = 1; n <= packets; n++) {
        bool is_over = telling->told == telling->count;
        if (is_over && (n > 1 || answer->records.size == 0))
            return;
        telling->is_last = n == packets;
        if (!send_exchange(engine, to, telling))
            return;
    }
}

/* What one packet asks of us. Nobody is answered more often than it has reason
 * to ask, whoever makes up its packets. */
struct answerable {
    bool questions, wants;
};

static bool is_question(const struct record *record)
{
    return record->kind == RECORD_SUMS || record->kind == RECORD_LIST;
}

static struct answerable look_through(shoal_bytes items)
{
    struct answerable asked = {0};
    while (items.size > 0) {
        struct record record;
        if (record_read(items_take(&items), &record))
            continue;
        asked.questions |= is_question(&record);
        asked.wants |= record.kind == RECORD_WANT;
    }
    return asked;
}

static bool may(shoal *engine, enum limit what, uint32_t sender)
{
    bool is_known = engine->sender.is_active;
    uint32_t times = is_known ? 1 : CROWD;
    return limits_pass_burst(
        &engine->limits, what, is_known ? sender : 0, engine->now_us,
        engine->config.probe_period_us / (TURNS * times), BURST * times);
}

static struct answerable what_may_be_answered(shoal *engine, shoal_bytes items,
                                              uint32_t sender)
{
    struct answerable asked = look_through(items);
    return (struct answerable){asked.questions &&
                                   may(engine, LIMIT_QUESTION, sender),
                               asked.wants && may(engine, LIMIT_WANT, sender)};
}

static void take(shoal *engine, const struct record *record,
                 const struct answerable *may, struct answer *answer)
{
    if (record->kind == RECORD_SUMS && may->questions)
        answer_sums(engine, record, answer);
    if (record->kind == RECORD_LIST && may->questions)
        answer_list(engine, record, answer);
    if (record->kind == RECORD_WANT && may->wants)
        answer_want(engine, record, answer);
}

void exchange_receive(shoal *engine, shoal_bytes items,
                      const struct who *sender)
{
    struct answerable may =
        what_may_be_answered(engine, items, sender->addr_hash);
    struct answer answer;
    answer.num_wants = 0;
    answer.telling =
        (struct tell_list){.records = &answer.records, .compares = true};
    answer.records =
        (struct records){.bytes = answer.buffer,
                         .room = exchange_answer_room(engine, sender->id)};
    while (items.size > 0) {
        struct record record;
        if (record_read(items_take(&items), &record) == 0)
            take(engine, &record, &may, &answer);
    }
    send_answer(engine, sender, &answer);
}
