/* SPDX-License-Identifier: MIT */
/* Children of a node, also where the system has no pidfd and where somebody
 * else waits for all children. */
#include "host_test.h"

#include "host/act/child.h"
#include "host/node.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

struct fixture {
    struct ev_loop *loop;
    host *node;
    int ended, forgotten;
    host_child_result last;
    char out[64];
};

static void on_end(void *context, const host_child_result *result)
{
    struct fixture *f = context;

    if (!result) {
        f->forgotten++;
        return;
    }
    f->ended++;
    f->last = *result;
    CHECK(result->out.size < sizeof f->out);
    if (result->out.size > 0)
        memcpy(f->out, result->out.data, result->out.size);
    f->out[result->out.size] = '\0';
}

static void set_up(struct fixture *f)
{
    host_options options = {.bind = "127.0.0.1:0"};

    memset(f, 0, sizeof *f);
    f->loop = options.loop = ev_loop_new(0);
    f->node = host_open(&options, NULL);
    CHECK(f->node);
}

static void tear_down(struct fixture *f)
{
    if (f->node)
        host_close(f->node);
    ev_loop_destroy(f->loop);
}

static host_child *start(struct fixture *f, const char *program)
{
    const char *const argv[] = {"sh", "-c", program, NULL};
    host_child_request request = {
        .argv = argv, .timeout_us = SHOAL_NEVER, .max_output = 32};
    struct error error;
    host_child *child = host_child_new(f->node, &request, on_end, f, &error);

    CHECK(child);
    return child;
}

static bool has_ended(void *context)
{
    return ((struct fixture *)context)->ended > 0;
}

static void tells_the_end(struct fixture *f)
{
    start(f, "echo text; exit 3");
    CHECK(run_until(f->loop, has_ended, f));
    CHECK(f->last.code == 3 && f->last.signal == 0);
    CHECK(strcmp(f->out, "text\n") == 0);
    f->ended = 0;
    start(f, "kill -KILL $$");
    CHECK(run_until(f->loop, has_ended, f));
    CHECK(f->last.code == -1 && f->last.signal == SIGKILL);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void test_with_a_pidfd(void)
{
    struct fixture f;

    set_up(&f);
    tells_the_end(&f);
    tear_down(&f);
}

static void test_without_one(void)
{
    struct fixture f;

    set_up(&f);
    f.node->no_pidfd = true;
    tells_the_end(&f);
    tear_down(&f);
}

static void on_child(int number)
{
    int before = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    errno = before;
}

static void test_that_somebody_else_waits_for(void)
{
    struct fixture f;
    struct sigaction all = {.sa_handler = on_child}, before;

    set_up(&f);
    sigaction(SIGCHLD, &all, &before);
    start(&f, "echo text; exit 3");
    CHECK(run_until(f.loop, has_ended, &f));
    sigaction(SIGCHLD, &before, NULL);
    /* its output is known, its status may be nobody's any more */
    CHECK(strcmp(f.out, "text\n") == 0);
    CHECK((f.last.code == 3 || f.last.code == -1) && f.last.signal == 0);
    tear_down(&f);
}

static void test_that_is_not_the_nodes(void)
{
    struct fixture f;
    int status;
    pid_t pid;

    set_up(&f);
    pid = fork();
    if (pid == 0)
        _exit(7);
    start(&f, "exit 0");
    CHECK(run_until(f.loop, has_ended, &f));
    tear_down(&f);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}

static void test_that_is_ended(void)
{
    struct fixture f;

    set_up(&f);
    host_child_end(start(&f, "sleep 3600"));
    CHECK(run_until(f.loop, has_ended, &f));
    CHECK(f.last.signal == SIGTERM && !f.last.timed_out);
    tear_down(&f);
}

static void test_that_outlives_its_node(void)
{
    struct fixture f;

    set_up(&f);
    start(&f, "trap '' TERM; while :; do sleep 1; done");
    start(&f, "sleep 3600");
    host_close(f.node);
    f.node = NULL;
    CHECK(f.forgotten == 2 && f.ended == 0);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    tear_down(&f);
}

int main(void)
{
    RUN(test_with_a_pidfd);
    RUN(test_without_one);
    RUN(test_that_somebody_else_waits_for);
    RUN(test_that_is_not_the_nodes);
    RUN(test_that_is_ended);
    RUN(test_that_outlives_its_node);
    return 0;
}
