/* SPDX-License-Identifier: MIT */
#include "admission.h"

#include "engine.h"

enum { A_MINUTE_US = 60 * 1000 * 1000, WAYS = 4 };

/* ---- Who was refused ---- */

static const struct refusal *set_of(const struct admission *admission,
                                    const struct who *who)
{
    return &admission->refusals[who->hash % (ADMISSION_REFUSALS / WAYS) * WAYS];
}

static bool is_about(const struct refusal *refusal, const struct who *who)
{
    return refusal->until_us > 0 && refusal->hash == who->hash &&
           refusal->wire_hash == who->wire_hash;
}

bool admission_is_refused(const shoal *engine, const struct who *who)
{
    const struct refusal *set = set_of(&engine->admission, who);
    for (int i = 0; i < WAYS && !who->member; i++)
        if (is_about(&set[i], who))
            return engine->now_us < set[i].until_us;
    return false;
}

/* In its own place, or that of the one that was refused longest ago. */
void admission_refuse(shoal *engine, const struct who *who)
{
    struct refusal *set = (struct refusal *)set_of(&engine->admission, who);
    struct refusal *place = set;
    for (int i = 0; i < WAYS; i++) {
        if (is_about(&set[i], who)) {
            place = &set[i];
            break;
        }
        if (set[i].until_us < place->until_us)
            place = &set[i];
    }
    *place = (struct refusal){who->hash, who->wire_hash,
                              engine->now_us + ADMISSION_REMEMBERED_US};
}

/* ---- How often ---- */

/* "10.0.0.1" of "10.0.0.1:7946"; all of it where there is no colon. */
static uint32_t hash_of_host(const shoal *engine, const struct who *who)
{
    shoal_bytes host = who->endpoint.size > 0 ? who->endpoint : who->addr;
    for (size_t i = host.size; i > 0; i--)
        if (host.data[i - 1] == ':') {
            host.size = i - 1;
            break;
        }
    return bytes_hash(host, engine->hash_key);
}

/* `most` in a minute, which may come at once; 0: any number. */
static bool may(shoal *engine, enum limit what, uint32_t key, uint32_t most)
{
    return most == 0 ||
           limits_pass_burst(&engine->admission.limits, what, key,
                             engine->now_us, A_MINUTE_US / most, most);
}

shoal_drop admission_limit(shoal *engine, const struct who *who,
                           const struct identity *before)
{
    const shoal_config *config = &engine->config;
    if (before)
        return may(engine, LIMIT_RENEWAL, who->addr_hash,
                   config->renewals_per_minute)
                   ? SHOAL_NUM_DROPS
                   : SHOAL_DROP_RENEWALS;
    if (!cookie_is_back(engine, who->id) || /* others speak for it */
        may(engine, LIMIT_NEWCOMER, hash_of_host(engine, who),
            config->newcomers_per_minute))
        return SHOAL_NUM_DROPS;
    return SHOAL_DROP_NEWCOMERS;
}

bool admission_may_list(shoal *engine, const struct who *who)
{
    return may(engine, LIMIT_ANNOUNCE, hash_of_host(engine, who),
               engine->config.announces_per_minute);
}
