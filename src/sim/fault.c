/* SPDX-License-Identifier: MIT */
#include "internal.h"

static void note(struct sim_node *node, uint64_t detail)
{
    trace_note(node->net, TRACE_FAULT, node->place, detail);
}

void sim_pause(sim_node *node)
{
    note(node, 1);
    node->paused = true;
}

bool sim_is_paused(const sim_node *node)
{
    return node->paused;
}

void sim_resume(sim_node *node)
{
    if (!node->paused)
        return;
    note(node, 0);
    node->paused = false;
    inbox_resume(node);
    timer_resume_all(node);
    node->tick_at_us = node->wake_at_us = SHOAL_NEVER;
    sim_wake(node);
}

void sim_set_slowness(sim_node *node, uint64_t delay_us)
{
    note(node, delay_us);
    node->delay_us = delay_us;
}

void sim_step_clock(sim_node *node, int64_t by_us)
{
    int64_t now_us = (int64_t)sim_node_now(node);
    note(node, (uint64_t)by_us);
    if (by_us < -now_us)
        by_us = -now_us;
    node->clock_us += by_us;
    node->tick_at_us = SHOAL_NEVER;
    node_arm(node);
}
