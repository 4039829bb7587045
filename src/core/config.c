/* SPDX-License-Identifier: MIT */
/*
 * Presets and limits.
 *
 * The timings of lan and wan are memberlist's defaults as foca's new_lan and
 * new_wan take them over: suspicion and transmissions grow with log10 of the
 * cluster's size, so that an update reaches everybody with high probability
 * (SWIM 5) and a suspicion lives long enough to be refuted.
 */
#include "config.h"

#include "table/index.h"

#include <assert.h>
#include <math.h>

#define MS    1000u
#define S     (1000u * MS)
#define A_DAY (24u * 3600 * (uint64_t)S)

static uint32_t transmissions(uint32_t n)
{
    double times = floor(4 * log10((double)n + 1));
    return times < 1 ? 1 : (uint32_t)times;
}

/* What is lost of a suspicion is no loss; of a broadcast it is, and most joins
 * happen before the others are known whose number decides. The chance that a
 * member is missed is about e to the power of minus the transmissions. */
static uint32_t news_transmissions(uint32_t n)
{
    return 2 * transmissions(n);
}

static double suspicion_scale(uint32_t n)
{
    return n > 10 ? log10((double)n) : 1;
}

static uint64_t suspicion(uint32_t n, uint32_t multiplier, uint64_t period_us)
{
    return (uint64_t)llround(suspicion_scale(n) * multiplier *
                             (double)period_us);
}

uint8_t config_transmissions(const shoal_config *config, uint32_t n)
{
    uint32_t wanted = config->max_transmissions;
    if (config->cluster_size > 0 && n > config->cluster_size &&
        transmissions(n) > wanted)
        wanted = transmissions(n);
    return (uint8_t)wanted;
}

uint8_t config_news_transmissions(const shoal_config *config, uint32_t n)
{
    uint32_t wanted = config->news_transmissions;
    if (wanted == 0)
        return config_transmissions(config, n);
    if (config->cluster_size > 0 && n > config->cluster_size &&
        news_transmissions(n) > wanted)
        wanted = news_transmissions(n);
    return (uint8_t)wanted;
}

uint64_t config_suspicion_us(const shoal_config *config, uint32_t n)
{
    double min_us = (double)config->suspect_to_down_after_us;
    if (config->cluster_size > 0 && n > config->cluster_size)
        min_us *= suspicion_scale(n) / suspicion_scale(config->cluster_size);
    return (uint64_t)min_us;
}

/* ---- Presets ---- */

/* Loopback has a quarter of lan's periods: no wire is slow there, but a busy
 * machine is. Lifeguard 5 has S = 8 (max_local_health), alpha = 4 or 6 (of the
 * suspicion) and beta = 6 (suspicion_max_factor); memberlist waits for
 * alpha - 2 confirmations. */
/* clang-format off */
#define OFF          ((shoal_periodic){0, 0})
#define EVERY(us, m) ((shoal_periodic){us, m})

/* X(member, simple, lan, wan, loopback) */
#define PRESETS(X)                                                             \
    X(probe_period_us,          1500 * MS, 1 * S,     5 * S,     250 * MS)     \
    X(probe_rtt_us,             500 * MS,  500 * MS,  3 * S,     100 * MS)     \
    X(num_indirect_probes,      3,         3,         3,         3)            \
    X(suspect_to_down_after_us, 3 * S,                                         \
                                suspicion(n, 4, 1 * S),                        \
                                suspicion(n, 6, 5 * S),                        \
                                suspicion(n, 4, 250 * MS))                     \
    X(remove_down_after_us,     A_DAY,     A_DAY,     A_DAY,     A_DAY)        \
    X(notify_down_members,      false,     true,      true,      true)         \
    X(max_transmissions,        10,                                            \
                                transmissions(n),                              \
                                transmissions(n),                              \
                                transmissions(n))                              \
    X(news_transmissions,       0,                                             \
                                news_transmissions(n),                         \
                                news_transmissions(n),                         \
                                news_transmissions(n))                         \
    X(gossip,                   OFF,                                           \
                                EVERY(100 * MS, 3),                            \
                                EVERY(500 * MS, 4),                            \
                                EVERY(20 * MS, 3))                             \
    X(announce,                 OFF,                                           \
                                EVERY(30 * S, 1),                              \
                                EVERY(60 * S, 2),                              \
                                EVERY(5 * S, 1))                               \
    X(announce_to_down,         OFF,                                           \
                                EVERY(30 * S, 1),                              \
                                EVERY(60 * S, 2),                              \
                                EVERY(5 * S, 1))                               \
    X(compare_members,          false,     true,      true,      true)         \
    X(check_strangers,          false,     true,      true,      true)         \
    X(newcomers_per_minute,     0,         1024,      1024,      1024)         \
    X(announces_per_minute,     0,         4096,      4096,      4096)         \
    X(renewals_per_minute,      0,         30,        30,        30)           \
    X(view_quiet_us,            200 * MS,  200 * MS,  200 * MS,  200 * MS)     \
    X(stable_after_us,          5 * S,     5 * S,     5 * S,     5 * S)        \
    X(max_packet_size,          1400,      1400,      1400,      1400)         \
    X(max_tags_size,            1000,      1000,      1000,      1000)         \
    X(max_tags_memory,          64 << 20,  64 << 20,  64 << 20,  64 << 20)     \
    X(max_topics_memory,        4194304,   4194304,   4194304,   4194304)      \
    X(max_members,              65536,     65536,     65536,     65536)        \
    X(max_broadcasts,           4096,      4096,      4096,      4096)         \
    X(max_local_health,         0,         8,         8,         8)            \
    X(suspicion_confirmations,  0,         2,         4,         2)            \
    X(suspicion_max_factor,     1,         6,         6,         6)            \
    X(tell_suspects,            false,     true,      true,      true)         \
    X(second_look,              false,     true,      true,      true)         \
    X(cluster_size,             0,         n,         n,         n)
/* clang-format on */

#define ONE(...) +1
static_assert((0 PRESETS(ONE)) == (0 SHOAL_CONFIG_FIELDS(ONE)),
              "each field has a row");

shoal_config shoal_config_simple(void)
{
#define SIMPLE(member, simple, lan, wan, loopback) .member = simple,
    return (shoal_config){PRESETS(SIMPLE)};
}

shoal_config shoal_config_lan(uint32_t n)
{
#define LAN(member, simple, lan, wan, loopback) .member = lan,
    return (shoal_config){PRESETS(LAN)};
}

shoal_config shoal_config_wan(uint32_t n)
{
#define WAN(member, simple, lan, wan, loopback) .member = wan,
    return (shoal_config){PRESETS(WAN)};
}

shoal_config shoal_config_loopback(uint32_t n)
{
#define LOOPBACK(member, simple, lan, wan, loopback) .member = loopback,
    return (shoal_config){PRESETS(LOOPBACK)};
}

/* ---- Limits ---- */

/* Each as its own text says it: what is in the table is a literal. */
#define SECONDS_RANGE(least, most) "must be " #least " to " #most " seconds"
#define COUNT_RANGE(least, most)   "must be " #least " to " #most
#define BYTES_RANGE(least, most)   "must be " #least " to " #most " bytes"

/* The limits that are known by a name elsewhere. */
enum {
#define MOST(member, name, KIND, least, most, text)                            \
    MOST_##member = (most) <= INT32_MAX ? (most) : 0,
    SHOAL_CONFIG_FIELDS(MOST)
#undef MOST
};
static_assert((int)MOST_max_packet_size == SHOAL_MAX_PACKET, "of a datagram");
static_assert((int)MOST_max_members == INDEX_MAX_SLOT, "of the index");
static_assert((int)MOST_suspicion_confirmations == SHOAL_MAX_CONFIRMATIONS,
              "of a suspicion");

struct checked {
    const char *field; /* the first that is wrong */
    const char *problem;
};

static void must(struct checked *checked, bool holds, const char *field,
                 const char *problem)
{
    if (!holds && !checked->field)
        *checked = (struct checked){field, problem};
}

static void check_range(struct checked *checked, uint64_t value, double least,
                        double most, const char *field, const char *problem)
{
    must(checked, (double)value >= least && (double)value <= most, field,
         problem);
}

#define CHECK_COUNT(value, field, least, most)                                 \
    check_range(&checked, value, least, most, field, COUNT_RANGE(least, most));
#define CHECK_BYTES(value, field, least, most)                                 \
    check_range(&checked, value, least, most, field, BYTES_RANGE(least, most));
#define CHECK_SECONDS(value, field, least, most)                               \
    check_range(&checked, value, (least)*1e6, (most)*1e6, field,               \
                SECONDS_RANGE(least, most));
#define CHECK_FLAG(value, field, least, most)
#define CHECK_PERIODIC(value, field, least, most)                              \
    if ((value).every_us > 0) {                                                \
        CHECK_SECONDS((value).every_us, field ".every", 0.001, 31622400)       \
        CHECK_COUNT((value).members, field ".members", least, most)            \
    }
#define CHECK(member, name, KIND, least, most, text)                           \
    CHECK_##KIND(config->member, name, least, most)

const char *shoal_config_check(const shoal_config *config, const char **problem)
{
    struct checked checked = {0};

    SHOAL_CONFIG_FIELDS(CHECK)
    must(&checked, config->probe_rtt_us < config->probe_period_us, "probe_rtt",
         "must be shorter than probe_period");
    if (problem)
        *problem = checked.problem;
    return checked.field;
}
