/* SPDX-License-Identifier: MIT */
/* A plan as text. */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>

const char *plan_kind_name(enum plan_kind kind)
{
    static const char *const names[NUM_PLAN_KINDS] = {
        [PLAN_ANY] = "any",           [PLAN_SCHISM] = "schism",
        [PLAN_MARATHON] = "marathon", [PLAN_TABLES] = "tables",
        [PLAN_NOISE] = "noise",       [PLAN_PARTIAL] = "partial",
        [PLAN_CROWD] = "crowd",       [PLAN_OUTAGE] = "outage",
        [PLAN_TWINS] = "twins",       [PLAN_PLAIN] = "plain",
    };
    return names[kind];
}

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static void print_members(const struct plan *plan, uint64_t members)
{
    const char *between = "";
    if (members == plan_all(plan)) {
        printf("all");
        return;
    }
    for (uint32_t i = 0; i < plan->num_members; i++)
        if (members >> i & 1) {
            printf("%s%" PRIu32, between, i);
            between = ",";
        }
}

/* "+31536000.0 s" */
static void print_step(int64_t us)
{
    printf(" %s%.3f s", us < 0 ? "-" : "+",
           seconds((uint64_t)(us < 0 ? -us : us)));
}

static void print_cut(const struct plan *plan, const struct fault *fault)
{
    print_members(plan, fault->members);
    printf(fault->stays ? " <-/-> " : " -/-> ");
    print_members(plan, fault->others);
    printf(" (%.0f %%)", fault->chance * 100);
}

static void print_subject(const struct plan *plan, const struct fault *fault)
{
    static const char *const words[NUM_FAULT_KINDS] = {
        [FAULT_PAUSE] = "is paused",
        [FAULT_SLOW] = "is slow",
        [FAULT_CRASH] = "crashes",
        [FAULT_RESTART] = "is restarted",
        [FAULT_LEAVE] = "leaves",
        [FAULT_RETIRE] = "leaves and comes back",
        [FAULT_CLOCK] = "has its clock stepped",
        [FAULT_CONFIG] = "gets another config",
        [FAULT_RENAME] = "takes a new identity",
        [FAULT_BROADCAST] = "broadcasts",
        [FAULT_MISTAKE] = "takes for down",
        [FAULT_TWIN] = "shares its address with another process",
        [FAULT_FORGE] = "gets forged packets",
        [FAULT_TABLE] = "believes what is drawn at random",
    };
    if (fault->kind == FAULT_NETWORK)
        printf("the network loses %.0f %%", fault->chance * 100);
    else if (fault->kind == FAULT_CORRUPT)
        printf("the network changes a byte of %.0f %%", fault->chance * 100);
    else if (fault->kind == FAULT_CUT)
        print_cut(plan, fault);
    else if (fault->kind == FAULT_RENAME)
        print_members(plan, fault->members);
    else
        printf("%" PRIu32, fault->member);
    if (words[fault->kind])
        printf(" %s", words[fault->kind]);
}

static bool is_end(const struct fault *fault)
{
    return fault->kind == FAULT_CRASH || fault->kind == FAULT_LEAVE;
}

static void print_details(const struct plan *plan, const struct fault *fault)
{
    bool starts = fault->kind == FAULT_RESTART || fault->kind == FAULT_TWIN ||
                  (is_end(fault) && !fault->stays);
    if (fault->kind == FAULT_SLOW || fault->kind == FAULT_CLOCK) {
        printf(" by");
        print_step(fault->amount);
    }
    if (fault->kind == FAULT_BROADCAST || fault->kind == FAULT_CONFIG ||
        fault->kind == FAULT_FORGE || fault->kind == FAULT_TABLE)
        printf(" (%" PRId64 ")", fault->amount);
    if (fault->kind == FAULT_MISTAKE) {
        printf(" ");
        print_members(plan, fault->others);
    }
    if (fault->kind == FAULT_TWIN)
        printf(", which gets %.0f %% of the packets", fault->chance * 100);
    if (starts && fault->clock_us != 0) {
        printf(", the next one's clock at");
        print_step(fault->clock_us);
    }
    if (is_end(fault) && fault->stays)
        printf(" for good");
}

static bool lasts(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_NETWORK:
    case FAULT_CORRUPT:
    case FAULT_CUT:
    case FAULT_PAUSE:
    case FAULT_SLOW:
    case FAULT_RETIRE:
    case FAULT_TWIN:
        return true;
    default:
        return is_end(fault) && !fault->stays;
    }
}

static void print_cluster(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    printf("  %s: %" PRIu32 " members, %" PRIu32
           " seeds, %s (period %.2f s, suspicion %.2f s, packets of %" PRIu32
           ")",
           plan_kind_name(plan->kind), plan->num_members, plan->num_seeds,
           plan->preset, seconds(config->probe_period_us),
           seconds(config->suspect_to_down_after_us), config->max_packet_size);
    if (plan->num_ghosts > 0)
        printf(", %" PRIu32 " addresses of nobody", plan->num_ghosts);
    printf("; quiet from %.3f s on%s\n", seconds(plan->quiet_us),
           plan->begins_agreed ? ", counted from one view" : "");
}

void plan_print(const struct plan *plan)
{
    print_cluster(plan);
    for (uint32_t i = 0; i < plan->num_faults; i++) {
        printf("  %9.3f s  ", seconds(plan->faults[i].at_us));
        print_subject(plan, &plan->faults[i]);
        print_details(plan, &plan->faults[i]);
        if (lasts(&plan->faults[i]))
            printf(", for %.3f s", seconds(plan->faults[i].for_us));
        printf("\n");
    }
}
