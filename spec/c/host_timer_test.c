/* SPDX-License-Identifier: MIT */
/* The program's timers: once, again, cancelled from anywhere, closed with their
 * node. */
#include "host_test.h"

#include "host/host.h"
#include "host/node.h"

struct fixture {
    struct ev_loop *loop;
    host *node;
    host_timer *timer, *second;
    unsigned fired, limit;
    bool closed;
};

static void on_closed(void *context)
{
    ((struct fixture *)context)->closed = true;
}

static void set_up(struct fixture *f)
{
    host_options options = {0};

    memset(f, 0, sizeof *f);
    f->loop = ev_loop_new(0);
    options.loop = f->loop;
    options.bind = "127.0.0.1:0";
    options.callbacks.context = f;
    options.callbacks.on_closed = on_closed;
    f->node = host_open(&options, NULL);
    CHECK(f->loop && f->node);
}

static void tear_down(struct fixture *f)
{
    if (!f->closed)
        host_close(f->node);
    ev_loop_destroy(f->loop);
}

static bool fired_enough(void *context)
{
    struct fixture *f = context;

    return f->fired >= f->limit;
}

static bool wait_for(struct fixture *f, unsigned times)
{
    f->limit = times;
    return run_until(f->loop, fired_enough, f);
}

static void count(void *context)
{
    ((struct fixture *)context)->fired++;
}

static void a_timer_fires_once_and_not_early(void)
{
    struct fixture f;
    uint64_t before;

    set_up(&f);
    usleep(30000); /* the loop's clock stands still meanwhile */
    before = host_now(f.node);
    CHECK(host_timer_new(f.node, 20000, 0, count, &f));
    CHECK(wait_for(&f, 1));
    CHECK(host_now(f.node) - before >= 19000);
    run_for(f.loop, 0.05);
    CHECK(f.fired == 1);
    tear_down(&f);
}

static void cancel_itself(void *context)
{
    struct fixture *f = context;

    f->fired++;
    host_timer_cancel(f->timer);
}

/* A node may live for years. */
static void timers_that_are_over_are_forgotten(void)
{
    struct fixture f;
    unsigned i;

    set_up(&f);
    for (i = 0; i < 10; i++)
        CHECK(host_timer_new(f.node, 0, 0, count, &f));
    f.timer = host_timer_new(f.node, 1000 * 1000 * 1000, 0, count, &f);
    CHECK(f.timer && wait_for(&f, 10));
    host_timer_cancel(f.timer);
    f.timer = host_timer_new(f.node, 0, 1000, cancel_itself, &f);
    CHECK(wait_for(&f, 11));
    CHECK(!f.node->timers);
    tear_down(&f);
}

static void a_timer_repeats_until_it_is_cancelled(void)
{
    struct fixture f;

    set_up(&f);
    f.timer = host_timer_new(f.node, 1000, 2000, count, &f);
    CHECK(f.timer && wait_for(&f, 3));
    host_timer_cancel(f.timer);
    f.fired = 0;
    run_for(f.loop, 0.03);
    CHECK(f.fired == 0);
    tear_down(&f);
}

static void a_timer_may_cancel_itself(void)
{
    struct fixture f;

    set_up(&f);
    f.timer = host_timer_new(f.node, 0, 1000, cancel_itself, &f);
    CHECK(wait_for(&f, 1));
    f.timer = host_timer_new(f.node, 0, 0, cancel_itself, &f);
    CHECK(wait_for(&f, 2));
    run_for(f.loop, 0.02);
    CHECK(f.fired == 2);
    tear_down(&f);
}

static void cancel_the_other(void *context)
{
    struct fixture *f = context;

    f->fired++;
    if (f->second)
        host_timer_cancel(f->second);
    f->second = NULL;
}

static void cancel_the_first(void *context)
{
    struct fixture *f = context;

    f->fired++;
    if (f->timer)
        host_timer_cancel(f->timer);
    f->timer = NULL;
}

/* Both are due in the same turn of the loop: whichever comes first wins. */
static void a_timer_may_cancel_one_that_is_due(void)
{
    struct fixture f;

    set_up(&f);
    f.timer = host_timer_new(f.node, 1000, 0, cancel_the_other, &f);
    f.second = host_timer_new(f.node, 1000, 0, cancel_the_first, &f);
    usleep(5000);
    CHECK(wait_for(&f, 1));
    run_for(f.loop, 0.02);
    CHECK(f.fired == 1);
    tear_down(&f);
}

static void close_the_node(void *context)
{
    struct fixture *f = context;

    f->fired++;
    host_close(f->node);
    CHECK(!f->closed); /* only when this is back */
    CHECK(host_timer_new(f->node, 0, 0, count, f));
}

static void a_timer_may_close_its_node(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(host_timer_new(f.node, 1000, 1000, count, &f));
    CHECK(host_timer_new(f.node, 0, 1000, close_the_node, &f));
    CHECK(run_until(f.loop, is_set, &f.closed));
    f.fired = 0;
    run_for(f.loop, 0.02);
    CHECK(f.fired == 0);
    tear_down(&f);
}

static void a_closed_node_frees_the_timers_that_are_left(void)
{
    struct fixture f;
    int i;

    set_up(&f);
    for (i = 0; i < 100; i++)
        CHECK(host_timer_new(f.node, 3600 * 1000000ull, 0, count, &f));
    tear_down(&f);
    CHECK(f.fired == 0);
}

int main(void)
{
    RUN(a_timer_fires_once_and_not_early);
    RUN(timers_that_are_over_are_forgotten);
    RUN(a_timer_repeats_until_it_is_cancelled);
    RUN(a_timer_may_cancel_itself);
    RUN(a_timer_may_cancel_one_that_is_due);
    RUN(a_timer_may_close_its_node);
    RUN(a_closed_node_frees_the_timers_that_are_left);
    return 0;
}
