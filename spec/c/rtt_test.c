/* SPDX-License-Identifier: MIT */
/* Round-trip times in a byte. */
#include "../../src/core/table/rtt.h"
#include "expect.h"

static void steps_are_a_twelfth_of_an_octave(void)
{
    EXPECT(rtt_us(RTT_UNKNOWN) == 0);
    EXPECT(rtt_us(1) == 8);
    EXPECT(rtt_us(13) == 16);
    EXPECT(rtt_us(1 + 12 * 17) == 8 << 17); /* a second */
    EXPECT(rtt_us(255) > 18 * 1000 * 1000);
    for (int i = 2; i <= 255; i++)
        EXPECT(rtt_us((uint8_t)i) >= rtt_us((uint8_t)(i - 1)));
    for (int i = 61; i <= 255; i++) {
        double ratio = (double)rtt_us((uint8_t)i) / rtt_us((uint8_t)(i - 1));
        EXPECT(ratio > 1.05 && ratio < 1.07);
    }
}

static void the_first_sample_is_taken_as_it_is(void)
{
    EXPECT(rtt_us(rtt_smooth(RTT_UNKNOWN, 0)) == 8);
    EXPECT(rtt_us(rtt_smooth(RTT_UNKNOWN, 7)) == 8);
    EXPECT(rtt_us(rtt_smooth(RTT_UNKNOWN, 512)) == 512);
    EXPECT(rtt_us(rtt_smooth(RTT_UNKNOWN, UINT64_MAX)) == rtt_us(255));
    for (uint64_t us = 8; us < 10000000; us += us / 7 + 1) {
        uint32_t told = rtt_us(rtt_smooth(RTT_UNKNOWN, us));
        EXPECT(told <= us && told * 1.13 + 1 > us);
    }
}

static uint8_t after(uint8_t rtt, uint64_t sample_us, int times)
{
    while (times-- > 0)
        rtt = rtt_smooth(rtt, sample_us);
    return rtt;
}

static void it_follows(void)
{
    uint8_t slow = rtt_smooth(RTT_UNKNOWN, 100 * 1000);
    uint8_t fast = rtt_smooth(RTT_UNKNOWN, 1000);
    EXPECT(after(slow, 1000, 20) == fast);
    EXPECT(after(fast, 100 * 1000, 30) == slow);
    EXPECT(after(slow, 1000, 1) < slow && after(slow, 1000, 1) > fast);
    EXPECT(after(slow, 100 * 1000, 9) == slow);
}

/* One answer that took a hundred times as long is a quarter more. */
static void an_outlier_is_no_new_figure(void)
{
    uint8_t rtt = after(rtt_smooth(RTT_UNKNOWN, 1024), 100 * 1024, 1);
    EXPECT(rtt_us(rtt) > 1024 && rtt_us(rtt) < 1300);
    EXPECT(rtt_us(after(rtt, 1024, 4)) == 1024);
}

int main(void)
{
    steps_are_a_twelfth_of_an_octave();
    the_first_sample_is_taken_as_it_is();
    it_follows();
    an_outlier_is_no_new_figure();
    return expect_done();
}
