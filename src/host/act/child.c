/* SPDX-License-Identifier: MIT */
#include "child_parts.h"

#include "../../base/list.h"
#include "../default_loop.h"
#include "../deputy.h"
#include "../node.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_S     .02 /* without a pidfd */
#define GRACE_S    2.  /* from TERM to KILL */
#define SOMEBODY_S .05 /* for libev to say what it has waited for */

/* At the end of the node, in steps of 2 ms. */
enum { STEP_NS = 2 * 1000 * 1000, STEPS_TERM = 100, STEPS_KILL = 500 };

struct host_child {
    host_child *next, **place; /* in the node's list */
    host *node;
    pid_t pid;
    int pidfd;         /* -1: none */
    ev_io ended;       /* the pidfd */
    ev_timer poll;     /* in its place */
    ev_child reaped;   /* in a default loop, which may wait for all children */
    ev_timer limit;    /* until TERM, then until KILL */
    ev_timer somebody; /* has waited for it: does libev know how it ended? */
    struct child_output out, err;
    host_child_fn *fn;
    void *context;
    bool ending, timed_out;
};

/* ---- Its end ---- */

static void stop_watching(host_child *child)
{
    struct ev_loop *loop = child->node->loop;

    ev_io_stop(loop, &child->ended);
    ev_timer_stop(loop, &child->poll);
    ev_timer_stop(loop, &child->limit);
    ev_timer_stop(loop, &child->somebody);
    if (ev_is_active(&child->reaped))
        ev_child_stop(loop, &child->reaped);
    if (child->pidfd >= 0)
        close(child->pidfd);
    child->pidfd = -1;
}

static void free_child(host_child *child)
{
    stop_watching(child);
    child_output_clear(&child->out);
    child_output_clear(&child->err);
    LIST_REMOVE(child);
    free(child);
}

/* `status` as of waitpid(); -1: nobody knows. */
static void tell_end(host_child *child, int status)
{
    host_child_result result = {.code = -1, .timed_out = child->timed_out};

    stop_watching(child);
    child_output_finish(&child->out);
    child_output_finish(&child->err);
    if (status != -1 && WIFEXITED(status))
        result.code = WEXITSTATUS(status);
    else if (status != -1 && WIFSIGNALED(status))
        result.signal = WTERMSIG(status);
    result.out = buffer_bytes(&child->out.bytes);
    result.err = buffer_bytes(&child->err.bytes);
    result.truncated = child->out.truncated || child->err.truncated;
    child->fn(child->context, &result);
    free_child(child);
}

/* The status, once it has ended; *known is false when somebody else has waited
 * for it. */
static bool has_ended(const host_child *child, int *status, bool *known)
{
    pid_t pid;

    do
        pid = waitpid(child->pid, status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    *known = pid > 0;
    return pid != 0;
}

/* Our loop itself may be the one that waits for all: then it will tell. */
static void look_for_end(host_child *child)
{
    int status;
    bool known;

    if (!has_ended(child, &status, &known))
        return;
    if (known || !ev_is_active(&child->reaped)) {
        tell_end(child, known ? status : -1);
        return;
    }
    ev_io_stop(child->node->loop, &child->ended);
    ev_timer_stop(child->node->loop, &child->poll);
    ev_timer_start(child->node->loop, &child->somebody);
}

static void look(host_child *child)
{
    host *node = child->node;

    host_enter(node);
    look_for_end(child);
    host_leave(node);
}

static void on_ended(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    look(watcher->data);
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    look(watcher->data);
}

static void tell(host_child *child, int status)
{
    host *node = child->node;

    host_enter(node);
    tell_end(child, status);
    host_leave(node);
}

static void on_reaped(struct ev_loop *loop, ev_child *watcher, int events)
{
    (void)loop, (void)events;
    if (WIFEXITED(watcher->rstatus) || WIFSIGNALED(watcher->rstatus))
        tell(watcher->data, watcher->rstatus);
}

static void on_somebody(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    tell(watcher->data, -1);
}

/* ---- Ending it ---- */

/* While nobody has waited for it the number is that of its group. */
static void signal_group(const host_child *child, int number)
{
    if (!ev_is_active(&child->somebody))
        (void)kill(-child->pid, number);
}

void host_child_end(host_child *child)
{
    struct ev_loop *loop = child->node->loop;

    if (child->ending)
        return;
    child->ending = true;
    signal_group(child, SIGTERM);
    ev_now_update(loop);
    ev_timer_stop(loop, &child->limit);
    ev_timer_set(&child->limit, GRACE_S, 0.);
    ev_timer_start(loop, &child->limit);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host_child *child = watcher->data;

    (void)loop, (void)events;
    if (child->ending) {
        signal_group(child, SIGKILL);
        return;
    }
    child->timed_out = true;
    host_child_end(child);
}

/* ---- The end of all ---- */

static void forget(host_child *child)
{
    child->fn(child->context, NULL);
    free_child(child);
}

/* Waits until they have ended, for so many steps at most. */
static void forget_ended(host *node, int steps)
{
    const struct timespec step = {0, STEP_NS};

    while (node->children && steps-- > 0) {
        host_child *next;
        for (host_child *child = node->children; child; child = next) {
            int status;
            bool known;
            next = child->next;
            if (has_ended(child, &status, &known))
                forget(child);
        }
        if (node->children)
            nanosleep(&step, NULL);
    }
}

static void signal_all(const host *node, int number)
{
    for (const host_child *child = node->children; child; child = child->next)
        signal_group(child, number);
}

static void end_children(host *node)
{
    signal_all(node, SIGTERM);
    forget_ended(node, STEPS_TERM);
    signal_all(node, SIGKILL);
    forget_ended(node, STEPS_KILL);
    while (node->children) /* the system does not let go of it */
        forget(node->children);
}

/* ---- Its start ---- */

/* It returns once the program has been loaded: a millisecond, or, on a machine
 * that has other things to do, many. */
static int start(const host_child_request *request, struct child_process *out)
{
    bool alone = deputy_hurry();
    int number = child_start(request, out);

    if (alone)
        (void)host_handler_ended();
    return number;
}

static int open_pidfd(const host *node, pid_t pid)
{
#ifdef SYS_pidfd_open
    if (!node->no_pidfd)
        return (int)syscall(SYS_pidfd_open, pid, 0);
#endif
    (void)node, (void)pid;
    return -1;
}

static void init_watchers(host_child *child)
{
    ev_io_init(&child->ended, on_ended, child->pidfd, EV_READ);
    ev_timer_init(&child->poll, on_poll, POLL_S, POLL_S);
    ev_timer_init(&child->somebody, on_somebody, SOMEBODY_S, 0.);
    ev_child_init(&child->reaped, on_reaped, child->pid, 0);
    ev_init(&child->limit, on_limit);
    child->ended.data = child->poll.data = child->reaped.data = child;
    child->limit.data = child->somebody.data = child;
}

static void start_watching(host_child *child, uint64_t timeout_us)
{
    struct ev_loop *loop = child->node->loop;

    init_watchers(child);
    ev_now_update(loop);
    if (child->pidfd >= 0)
        ev_io_start(loop, &child->ended);
    else
        ev_timer_start(loop, &child->poll);
    if (loop == default_loop_if_made())
        ev_child_start(loop, &child->reaped);
    if (timeout_us == SHOAL_NEVER)
        return;
    ev_timer_set(&child->limit, (double)timeout_us / 1e6, 0.);
    ev_timer_start(loop, &child->limit);
}

/* Why no program can start there; 0: it can. */
static int check_folder(const char *path)
{
    struct stat folder;

    if (stat(path, &folder) != 0)
        return errno;
    if (!S_ISDIR(folder.st_mode))
        return ENOTDIR;
    return access(path, X_OK) != 0 ? errno : 0;
}

/* The system has one errno for what it says of the program and of its folder.
 */
static void explain(const host_child_request *request, int number,
                    struct error *error)
{
    int wrong = request->cwd ? check_folder(request->cwd) : 0;

    if (wrong != 0)
        error_errno(error, wrong, "cannot run %.200s in the folder %.200s",
                    request->argv[0], request->cwd);
    else
        error_errno(error, number, "cannot run %.200s", request->argv[0]);
}

host_child *host_child_new(host *node, const host_child_request *request,
                           host_child_fn *fn, void *context,
                           struct error *error)
{
    struct child_process process;
    host_child *child = calloc(1, sizeof *child);
    int number = child ? start(request, &process) : ENOMEM;

    if (number != 0) {
        free(child);
        explain(request, number, error);
        return NULL;
    }
    child->node = node;
    child->pid = process.pid;
    child->pidfd = open_pidfd(node, process.pid);
    child->fn = fn;
    child->context = context;
    node->end_acts[HOST_CHILDREN] = end_children;
    LIST_PUSH(node->children, child);
    child_output_start(&child->out, node->loop, process.out,
                       request->max_output);
    child_output_start(&child->err, node->loop, process.err,
                       request->max_output);
    start_watching(child, request->timeout_us);
    return child;
}
