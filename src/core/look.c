/* SPDX-License-Identifier: MIT */
/* One look at one member: ping, ask others, answers. */
#include "engine.h"
#include "notify.h"
#include "send.h"
#include "table/rtt.h"

void look_start(shoal *engine, struct look *look, struct member *member)
{
    look->target = identity_retain(member->identity);
    look->succeeded = look->direct = false;
    look->num_helpers = look->capacity = 0;
    look->helpers = NULL;
    look->number = ++engine->probe.number;
    engine->stats.probes++;
    notify_member(engine, SHOAL_EVENT_PROBE_STARTED, member, (shoal_bytes){0});
    send_to_member(engine, member, SHOAL_MSG_PING, look->number,
                   (shoal_bytes){0});
}

void look_clear(shoal *engine, struct look *look)
{
    for (uint32_t i = 0; i < look->num_helpers; i++)
        identity_release(&engine->mem, look->helpers[i].who);
    mem_free(&engine->mem, look->helpers,
             look->capacity * sizeof *look->helpers);
    identity_release(&engine->mem, look->target);
    *look = (struct look){0};
}

/* ---- Helpers ---- */

struct choice {
    const struct member *target;
    struct member *const *chosen;
    uint32_t count;
    bool only_alive;
};

static bool may_help(void *context, const struct member *member)
{
    const struct choice *choice = context;
    if (member == choice->target ||
        (choice->only_alive && member->state != SHOAL_ALIVE))
        return false;
    for (uint32_t i = 0; i < choice->count; i++)
        if (choice->chosen[i] == member)
            return false;
    return true;
}

/* Those heard lately, the latest first, then random ones. One is random in any
 * case, so that nobody who makes itself heard with many identities is all of
 * our helpers. `*num_heard`: how many were heard. */
static uint32_t choose_helpers(shoal *engine, const struct member *target,
                               struct member *out[], uint32_t *num_heard)
{
    enum { LATELY = 3 /* periods */ };
    uint64_t lately_us = LATELY * engine->config.probe_period_us;
    uint64_t since_us =
        engine->now_us > lately_us ? engine->now_us - lately_us : 0;
    uint32_t k = engine->config.num_indirect_probes;
    bool prefers = engine_has_lifeguard(engine);
    *num_heard =
        prefers ? heard_pick(engine, since_us, target, k > 2 ? k - 1 : k, out)
                : 0;
    struct choice choice = {.target = target,
                            .chosen = out,
                            .count = *num_heard,
                            .only_alive = prefers};
    return *num_heard + members_pick(&engine->members, &engine->members.active,
                                     &engine->rng, k - *num_heard, may_help,
                                     &choice, out + *num_heard);
}

static bool reserve_helpers(shoal *engine, struct look *look, uint32_t count)
{
    if (count == 0)
        return true;
    look->helpers = mem_alloc(&engine->mem, count * sizeof *look->helpers);
    look->capacity = look->helpers ? count : 0;
    return look->helpers != NULL;
}

void look_ask_others(shoal *engine, struct look *look)
{
    struct member *others[MEMBERS_MAX_PICK];
    struct member *target = members_find_active(&engine->members, look->target);
    uint32_t num_heard, n = 0;
    if (target && !look->succeeded)
        n = choose_helpers(engine, target, others, &num_heard);
    if (!reserve_helpers(engine, look, n)) {
        engine_note(engine, SHOAL_ERR_NOMEM);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        look->helpers[look->num_helpers++] =
            (struct helper){.who = identity_retain(others[i]->identity),
                            .was_heard = i < num_heard};
        send_to_member(engine, others[i], SHOAL_MSG_PING_REQ, look->number,
                       identity_id(look->target));
    }
}

/* Where we hear nobody at all, it is not the helpers who are silent. */
static bool is_expected(const shoal *engine, const struct helper *helper)
{
    return !engine_has_lifeguard(engine) || helper->was_heard ||
           helper->is_heard || engine->heard.last_us < engine->probe.started_us;
}

uint32_t look_num_silent(const shoal *engine, const struct look *look)
{
    uint32_t silent = 0;
    for (uint32_t i = 0; i < look->num_helpers; i++)
        silent +=
            !look->helpers[i].nacked && is_expected(engine, &look->helpers[i]);
    return silent;
}

bool look_is_unanimous(const shoal *engine, const struct look *look)
{
    uint32_t nacks = 0;
    for (uint32_t i = 0; i < look->num_helpers; i++)
        nacks += look->helpers[i].nacked;
    return look_num_silent(engine, look) == 0 &&
           (nacks >= 2 || (nacks == 1 && look->num_helpers == 1));
}

/* ---- Answers ---- */

static struct look *find_look(shoal *engine, shoal_bytes id, uint8_t number)
{
    struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_looks; i++) {
        struct look *look = &probe->looks[i];
        if (look->number == number && look->target &&
            bytes_equal(identity_id(look->target), id))
            return look;
    }
    return NULL;
}

/* Nobody has to be asked for help any more when it was the last one. */
static void succeed(shoal *engine, struct look *look)
{
    struct probe *probe = &engine->probe;
    look->succeeded = true;
    for (uint32_t i = 0; i < probe->num_looks; i++)
        if (!probe->looks[i].succeeded)
            return;
    probe->indirect_at_us = SHOAL_NEVER;
}

static void count_rtt(shoal_stats *stats, uint64_t us)
{
    stats->rtt_us += us;
    stats->rtts[(us > 1000) + (us > 10000) + (us > 100000)]++;
}

/* An answer that came only after others were asked may be one to them, or be
 * late for reasons of its own. */
static void measure(shoal *engine, const struct look *look)
{
    const struct probe *probe = &engine->probe;
    struct member *member = members_find_active(&engine->members, look->target);
    uint64_t us = engine->now_us - probe->started_us;
    if (!member || look->succeeded || engine->now_us >= probe->indirect_at_us ||
        probe->indirect_at_us == SHOAL_NEVER)
        return;
    count_rtt(&engine->stats, us);
    member->rtt = rtt_smooth(member->rtt, us);
}

bool look_on_ack(shoal *engine, shoal_bytes id, uint8_t number)
{
    struct look *look = find_look(engine, id, number);
    if (!look)
        return false;
    measure(engine, look);
    look->direct = true;
    succeed(engine, look);
    return true;
}

void look_on_refusal(shoal *engine, const struct identity *from)
{
    struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_looks; i++) {
        if (probe->looks[i].target != from)
            continue;
        probe->looks[i].direct = true;
        succeed(engine, &probe->looks[i]);
    }
}

/* Which of those we asked is that? NULL: none. */
static struct helper *find_helper(const struct look *look, shoal_bytes id)
{
    for (uint32_t i = 0; i < look->num_helpers; i++)
        if (bytes_equal(identity_id(look->helpers[i].who), id))
            return &look->helpers[i];
    return NULL;
}

void look_on_forwarded_ack(shoal *engine, shoal_bytes from, shoal_bytes id,
                           uint8_t number)
{
    struct look *look = find_look(engine, id, number);
    if (look && find_helper(look, from))
        succeed(engine, look);
}

void look_on_nack(shoal *engine, shoal_bytes from, shoal_bytes id,
                  uint8_t number)
{
    struct look *look = find_look(engine, id, number);
    struct helper *helper = look ? find_helper(look, from) : NULL;
    if (helper)
        helper->nacked = true;
}

void look_on_packet(shoal *engine, const struct identity *from)
{
    struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_looks; i++)
        for (uint32_t j = 0; j < probe->looks[i].num_helpers; j++)
            if (probe->looks[i].helpers[j].who == from)
                probe->looks[i].helpers[j].is_heard = true;
}
