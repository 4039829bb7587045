/* SPDX-License-Identifier: MIT */
#include "rtt.h"

enum {
    LONGEST = UINT8_MAX,
    PER_OCTAVE = 12,
    SHARE = 4,  /* of the way to a sample */
    MOST_UP = 4 /* steps: 26 % */
};

uint32_t rtt_us(uint8_t rtt)
{
    /* 2^(i/12), with 12 bits behind the point */
    static const uint16_t steps[PER_OCTAVE] = {
        4096, 4340, 4598, 4871, 5161, 5468, 5793, 6137, 6502, 6889, 7298, 7732};
    if (rtt == RTT_UNKNOWN)
        return 0;
    uint64_t octave = (uint64_t)(rtt - 1) / PER_OCTAVE;
    return (uint32_t)((uint64_t)steps[(rtt - 1) % PER_OCTAVE] << octave >> 9);
}

/* The longest that is no longer than it; the first for what is shorter. */
static uint8_t rtt_of(uint64_t us)
{
    uint8_t low = 1, high = LONGEST;
    while (low < high) {
        uint8_t middle = (uint8_t)(low + (high - low + 1) / 2);
        if (rtt_us(middle) <= us)
            low = middle;
        else
            high = (uint8_t)(middle - 1);
    }
    return low;
}

static int at_least_one(int by)
{
    return by > 0 ? by : 1;
}

uint8_t rtt_smooth(uint8_t rtt, uint64_t sample_us)
{
    uint8_t sample = rtt_of(sample_us);
    if (rtt == RTT_UNKNOWN || rtt == sample)
        return sample;
    if (sample < rtt)
        return (uint8_t)(rtt - at_least_one((rtt - sample) / SHARE));
    int up = at_least_one((sample - rtt) / SHARE);
    return (uint8_t)(rtt + (up < MOST_UP ? up : MOST_UP));
}
