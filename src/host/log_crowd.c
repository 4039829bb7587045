/* SPDX-License-Identifier: MIT */
#include "log_crowd.h"

static bool is_over(const struct log_crowd *crowd, uint64_t now_us)
{
    return crowd->lines == 0 || now_us - crowd->since_us >= LOG_CROWD_US;
}

bool log_crowd_pass(struct log_crowd *crowd, uint64_t now_us)
{
    if (is_over(crowd, now_us)) {
        crowd->since_us = now_us;
        crowd->lines = 0;
    }
    if (crowd->lines == LOG_CROWD_LINES) {
        crowd->held_back++;
        return false;
    }
    crowd->lines++;
    return true;
}

unsigned log_crowd_rest(struct log_crowd *crowd, uint64_t now_us)
{
    unsigned rest = crowd->held_back;

    if (rest == 0 || !is_over(crowd, now_us))
        return 0;
    crowd->held_back = 0;
    return rest;
}
