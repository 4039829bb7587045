/* SPDX-License-Identifier: MIT */
/* Handlers that close, leave, join and never come to an end. */
#include "host_members.h"

static void close_at_once(struct member *member, shoal_event event)
{
    (void)event;
    CHECK(!host_close(member->node));
    CHECK(host_is_closing(member->node));
    CHECK(!host_close(member->node)); /* once more does nothing */
    CHECK(host_join(member->node, "127.0.0.1:1", NULL, NULL, NULL) == -1);
}

static bool is_closed(void *context)
{
    return ((struct member *)context)->closed > 0;
}

static void a_handler_may_close_its_node(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    m[0].on_event = close_at_once;
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, is_closed, &m[0]));
    CHECK(m[0].closed == 1 && m[0].events[SHOAL_EVENT_MEMBER_UP] == 1);
    CHECK(m[0].events[SHOAL_EVENT_ACTIVE] == 0); /* nothing after the close */
    host_close(m[1].node);
}

static struct member *other;

static void close_the_other(struct member *member, shoal_event event)
{
    (void)member, (void)event;
    host_close(other->node);
    other->node = NULL;
    member->on_event = NULL;
}

static bool other_is_closed(void *context)
{
    (void)context;
    return !other->node;
}

static void a_handler_may_close_another_node(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    m[0].on_event = close_the_other;
    other = &m[1];
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, other_is_closed, NULL));
    CHECK(m[1].closed == 0);
    host_close(m[0].node);
}

static void leave_and_return(struct member *member, shoal_event event)
{
    shoal *engine = host_engine(member->node);
    uint64_t now_us = host_now(member->node);

    if (event == SHOAL_EVENT_ACTIVE)
        CHECK(shoal_leave(engine, now_us) == 0);
    if (event == SHOAL_EVENT_DEFUNCT)
        CHECK(shoal_reuse_down_identity(engine, now_us) == 0);
    host_wake(member->node);
    join(member, host_bound(other->node));
}

static bool has_been_defunct(void *context)
{
    return ((struct member *)context)->events[SHOAL_EVENT_DEFUNCT] > 0;
}

static void a_handler_may_call_every_entry_point(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    other = &m[1];
    m[0].on_event = leave_and_return;
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, has_been_defunct, &m[0]));
    m[0].on_event = NULL;
    run_for(loop, 0.1);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* An endless conversation of a handler with its own events. */
static void leave_for_ever(struct member *member, shoal_event event)
{
    shoal *engine = host_engine(member->node);

    (void)event;
    (void)shoal_reuse_down_identity(engine, host_now(member->node));
    (void)shoal_leave(engine, host_now(member->node));
}

static bool has_gone_on_for_long(void *context)
{
    return ((struct member *)context)->events[SHOAL_EVENT_DEFUNCT] > 1000;
}

static void a_handler_that_never_ends_does_not_stop_the_loop(void)
{
    struct member a;

    make_member(&a, NULL);
    a.on_event = leave_for_ever;
    CHECK(shoal_leave(host_engine(a.node), host_now(a.node)) == 0);
    host_wake(a.node);
    CHECK(run_until(loop, has_gone_on_for_long, &a));
    run_for(loop, 0.2); /* it comes back at all */
    host_close(a.node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(a_handler_may_close_its_node);
    RUN(a_handler_may_close_another_node);
    RUN(a_handler_may_call_every_entry_point);
    RUN(a_handler_that_never_ends_does_not_stop_the_loop);
    ev_loop_destroy(loop);
    return 0;
}
