/* SPDX-License-Identifier: MIT */
/*
 * The round-trip time of a member, smoothed, in one byte: 0 is unknown, and
 * each further step is 2^(1/12) longer than the one before, from 8 us to 18.8
 * s. That is 6 % a step, as good as such a figure is; and it makes
 * smoothing a matter of steps.
 */
#ifndef SHOAL_CORE_TABLE_RTT_H
#define SHOAL_CORE_TABLE_RTT_H

#include <stdint.h>

enum { RTT_UNKNOWN = 0 };

/* Microseconds; 0 for RTT_UNKNOWN. */
uint32_t rtt_us(uint8_t rtt);
/* After another ping was answered in `sample_us`: a quarter of the way there,
 * and up no more than a quarter of itself. What makes a ping take long mostly
 * passes (a queue, a busy script), what makes it short does not. */
uint8_t rtt_smooth(uint8_t rtt, uint64_t sample_us);

#endif
