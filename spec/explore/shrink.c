/* SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the processor's time: others may be busy, too. */
enum { HUNG_AFTER_S = 60 };

static const struct itimerval hung = {.it_value = {.tv_sec = HUNG_AFTER_S}};

/* ---- A run in a process of its own ---- */

static void be_quiet(void)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0)
        (void)dup2(nowhere, STDERR_FILENO);
}

_Noreturn static void run_and_tell(const struct plan *plan, int fd)
{
    static struct world world;
    struct outcome outcome = {.failed = !run_plan(&world, plan)};
    memcpy(outcome.failure, world.failure, MAX_FAILURE);
    memcpy(outcome.last, world.last, MAX_FAILURE);
    outcome.failed_us = world.failed_us;
    outcome.agreed_after_us = world.agreed_after_us;
    outcome.bound_us = world.bound_us;
    outcome.most_memory = world.most_memory;
    outcome.renewals = world.renewals;
    outcome.busiest = world.busiest;
    if (write(fd, &outcome, sizeof outcome) != (ssize_t)sizeof outcome)
        _exit(1);
    exit(0); /* not _exit: a leak is found on the way out */
}

static void note_end(struct outcome *outcome, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    outcome->failed = true;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
        snprintf(outcome->failure, MAX_FAILURE, "hang: more than %d s",
                 HUNG_AFTER_S);
    else if (WIFSIGNALED(status))
        snprintf(outcome->failure, MAX_FAILURE, "crash: signal %d",
                 WTERMSIG(status));
    else
        snprintf(outcome->failure, MAX_FAILURE, "crash: exit code %d",
                 WEXITSTATUS(status));
}

_Noreturn static void give_up(const char *what)
{
    perror(what);
    exit(2);
}

struct outcome outcome_of(const struct plan *plan, bool quietly)
{
    struct outcome outcome = {.failed = true};
    int ends[2], status;
    fflush(NULL);
    if (pipe(ends) != 0)
        give_up("pipe");
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork");
    if (pid == 0) {
        close(ends[0]);
        (void)setitimer(ITIMER_PROF, &hung, NULL);
        if (quietly)
            be_quiet();
        run_and_tell(plan, ends[1]);
    }
    close(ends[1]);
    if (read(ends[0], &outcome, sizeof outcome) != (ssize_t)sizeof outcome)
        outcome = (struct outcome){.failed = true, .failure = "crash"};
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid)
        give_up("waitpid");
    note_end(&outcome, status);
    return outcome;
}

/* ---- Fewer faults ---- */

/* The same word in front of the colon. */
static bool is_alike(const struct outcome *a, const struct outcome *b)
{
    size_t size = strcspn(a->failure, ":");
    return b->failed && strncmp(a->failure, b->failure, size) == 0;
}

/* `plan` without the faults `from` to `end`. */
static struct plan without(const struct plan *plan, uint32_t from, uint32_t end)
{
    struct plan less = *plan;
    memmove(less.faults + from, plan->faults + end,
            (plan->num_faults - end) * sizeof *plan->faults);
    less.num_faults -= end - from;
    return less;
}

static bool try_without(struct plan *plan, struct outcome *outcome,
                        uint32_t *kept, uint32_t from, uint32_t end)
{
    struct plan less = without(plan, from, end);
    struct outcome found = outcome_of(&less, true);
    if (!is_alike(outcome, &found))
        return false;
    memmove(kept + from, kept + end, (plan->num_faults - end) * sizeof *kept);
    *plan = less;
    *outcome = found;
    return true;
}

void shrink(struct plan *plan, struct outcome *outcome, uint32_t *kept)
{
    for (uint32_t i = 0; i < plan->num_faults; i++)
        kept[i] = i;
    uint32_t size = (plan->num_faults + 1) / 2;
    while (size > 0) {
        bool any = false;
        for (uint32_t from = 0; from < plan->num_faults;) {
            uint32_t end = from + size;
            if (end > plan->num_faults)
                end = plan->num_faults;
            if (try_without(plan, outcome, kept, from, end))
                any = true;
            else
                from = end;
        }
        if (!any || size > plan->num_faults)
            size =
                any && plan->num_faults ? (plan->num_faults + 1) / 2 : size / 2;
    }
}
