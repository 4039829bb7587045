/* SPDX-License-Identifier: MIT */
/* Rendezvous hashing: the values that docs/handlers.md specifies. */
#include "../../src/base/rendezvous.h"
#include "expect.h"

#include <math.h>

static shoal_bytes text(const char *string)
{
    return (shoal_bytes){(const uint8_t *)string, strlen(string)};
}

static uint64_t hash(const char *key, const char *addr)
{
    return rendezvous_hash(rendezvous_key(text(key)), text(addr));
}

/* From another implementation of the specification. */
static void has_the_specified_hash(void)
{
    EXPECT(hash("", "") == UINT64_C(0xefd01f60ba992926));
    EXPECT(hash("job", "10.0.0.1:7946") == UINT64_C(0xb95dc3a932d2ff91));
    EXPECT(hash("job", "10.0.0.2:7946") == UINT64_C(0xa3965a463564c766));
}

static double real_distance(uint64_t of)
{
    return 64 - log2((double)of);
}

static void has_the_distance_of_the_logarithm(void)
{
    uint64_t of = 1;
    EXPECT(rendezvous_distance(0) == UINT64_C(64) << RENDEZVOUS_FRACTION);
    EXPECT(rendezvous_distance(1) == UINT64_C(64) << RENDEZVOUS_FRACTION);
    EXPECT(rendezvous_distance(UINT64_C(1) << 63) ==
           UINT64_C(1) << RENDEZVOUS_FRACTION);
    EXPECT(rendezvous_distance(UINT64_C(3) << 62) == UINT64_C(0x6a3fe5c7));
    for (int i = 0; i < 10000; i++) {
        double mine, real = real_distance(of);
        mine = (double)rendezvous_distance(of) / 4294967296.0;
        EXPECT(fabs(mine - real) < 1e-7);
        of = of * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
}

static void never_grows_with_the_hash(void)
{
    for (uint64_t of = 1; of < UINT64_MAX / 2; of += of / 64 + 1) {
        EXPECT(rendezvous_distance(of) >= rendezvous_distance(of + 1));
        EXPECT(rendezvous_distance(of) >= rendezvous_distance(of + of / 100));
    }
    EXPECT(rendezvous_distance(UINT64_MAX) <= 4);
}

static int compare(uint64_t a, uint32_t weight, uint64_t b, uint32_t other)
{
    struct rendezvous_score one = {a, weight}, two = {b, other};
    return rendezvous_compare(&one, &two);
}

static void compares(void)
{
    const uint64_t half = UINT64_C(1) << 63, quarter = UINT64_C(1) << 62;
    EXPECT(compare(5, 1, 4, 1) < 0);
    EXPECT(compare(4, 7, 5, 7) > 0);
    EXPECT(compare(5, 7, 5, 7) == 0);
    /* distances 1 and 2: twice the weight makes them equal, more is better */
    EXPECT(compare(half, 1, quarter, 1) < 0);
    EXPECT(compare(half, 1, quarter, 2) < 0); /* the greater hash */
    EXPECT(compare(quarter, 2, half, 1) > 0);
    EXPECT(compare(half, 1, quarter, 3) > 0);
    EXPECT(compare(1, RENDEZVOUS_MAX_WEIGHT, half, 1) < 0);
    EXPECT(compare(1, RENDEZVOUS_MAX_WEIGHT, half, RENDEZVOUS_MAX_WEIGHT - 1) >
           0);
}

int main(void)
{
    has_the_specified_hash();
    has_the_distance_of_the_logarithm();
    never_grows_with_the_hash();
    compares();
    return expect_done();
}
