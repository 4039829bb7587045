/* SPDX-License-Identifier: MIT */
/* The default loop, and what becomes of the program's signals and children. */
#include "host_test.h"

#include "host/default_loop.h"
#include "host/host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* The loop is the process's, and made once: each case has a process. */
static void in_a_process(void (*test)(void))
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        test();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static volatile sig_atomic_t heard;

static void on_child(int number)
{
    (void)number;
    heard++;
}

static void look_at_signals(struct sigaction *actions)
{
    int number;

    for (number = 1; number < NSIG; number++)
        (void)sigaction(number, NULL, &actions[number]);
}

static bool is_same(const struct sigaction *a, const struct sigaction *b)
{
    int number;

    for (number = 1; number < NSIG; number++)
        if (sigismember(&a->sa_mask, number) !=
            sigismember(&b->sa_mask, number))
            return false;
    /* libc adds flags of its own when it is given an action */
    return a->sa_handler == b->sa_handler &&
           (a->sa_flags & (SA_RESTART | SA_NOCLDSTOP | SA_SIGINFO)) ==
               (b->sa_flags & (SA_RESTART | SA_NOCLDSTOP | SA_SIGINFO));
}

/* A node's whole life in the default loop. */
static void run_a_node(void)
{
    host_options options = {.bind = "127.0.0.1:0"};
    shoal_options engine = {
        .identity = {(const uint8_t *)"\x01", 1},
        .config = shoal_config_simple(),
        .handlers = {.identity = shoal_stock_identity(),
                     .codec = shoal_default_codec()},
    };
    uint8_t identity[SHOAL_MAX_IDENTITY];
    host *node = host_open(&options, NULL);

    CHECK(node);
    CHECK(shoal_stock_identity_new(bytes_of_text(host_bound(node)), 1, identity,
                                   &engine.identity.size) == 0);
    engine.identity.data = identity;
    CHECK(host_start(node, &engine, NULL) == 0);
    run_for(host_loop(node), 0.05);
    CHECK(host_close(node));
}

static void signals_are_as_they_were_case(void)
{
    struct sigaction before[NSIG], after[NSIG];
    struct sigaction own = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    int number;

    sigemptyset(&own.sa_mask);
    sigaddset(&own.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGCHLD, &own, NULL) == 0);
    memset(before, 0, sizeof before);
    memset(after, 0, sizeof after);
    look_at_signals(before);
    run_a_node();
    look_at_signals(after);
    for (number = 1; number < NSIG; number++)
        CHECK(is_same(&before[number], &after[number]));
}

static void signals_are_as_they_were(void)
{
    in_a_process(signals_are_as_they_were_case);
}

/* A child that has ended, whose parent has not asked for it. */
static pid_t end_a_child(int code)
{
    siginfo_t info;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit(code);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    return pid;
}

static void a_child_is_its_parents_case(void)
{
    struct sigaction own = {.sa_handler = on_child};
    struct ev_loop *loop;
    int status;
    pid_t pid;

    CHECK(sigaction(SIGCHLD, &own, NULL) == 0);
    loop = default_loop(NULL);
    CHECK(loop && loop == default_loop_if_made());
    pid = end_a_child(7);
    run_for(loop, 0.05);
    CHECK(heard == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}

static void a_child_is_its_parents(void)
{
    in_a_process(a_child_is_its_parents_case);
}

static bool child_was_seen;

static void on_end(struct ev_loop *loop, ev_child *child, int events)
{
    (void)events;
    CHECK(WEXITSTATUS(child->rstatus) == 5);
    child_was_seen = true;
    ev_child_stop(loop, child);
}

static void watch_a_child(struct ev_loop *loop)
{
    ev_child child;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit(5);
    ev_child_init(&child, on_end, pid, 0);
    ev_child_start(loop, &child);
    CHECK(run_until(loop, is_set, &child_was_seen));
}

static void the_programs_own_loop_watches_children_case(void)
{
    struct ev_loop *own = ev_default_loop(0);

    run_a_node();
    CHECK(default_loop(NULL) == own);
    watch_a_child(own);
}

static void the_programs_own_loop_watches_children(void)
{
    in_a_process(the_programs_own_loop_watches_children_case);
}

static void a_program_may_want_children_watched_case(void)
{
    watch_a_child(default_loop_with_children(NULL));
}

static void a_program_may_want_children_watched(void)
{
    in_a_process(a_program_may_want_children_watched_case);
}

/* libev would abort. */
static void without_descriptors_there_is_none_case(void)
{
    struct error error = {""};
    int next = open("/dev/null", O_RDONLY);
    struct rlimit limit = {(rlim_t)next, (rlim_t)next};

    CHECK(default_loop_if_made() == NULL);
    close(next);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(default_loop(&error) == NULL);
    CHECK_SAYS(error.text, "cannot create an event loop: too many open files");
}

static void without_descriptors_there_is_none(void)
{
    in_a_process(without_descriptors_there_is_none_case);
}

int main(void)
{
    RUN(signals_are_as_they_were);
    RUN(a_child_is_its_parents);
    RUN(the_programs_own_loop_watches_children);
    RUN(a_program_may_want_children_watched);
    RUN(without_descriptors_there_is_none);
    return 0;
}
