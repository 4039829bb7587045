/* SPDX-License-Identifier: MIT */
/* Handlers that take the events after theirs as well. */
#include "host_members.h"

enum { CROWD = 5000 };

static struct {
    unsigned calls, events, closed_at;
} taken;

static void take_all(struct member *member, shoal_event event)
{
    shoal_effect next = {.event = event};

    taken.calls++;
    do {
        if (next.event == SHOAL_EVENT_MEMBER_UP)
            taken.events++;
        if (taken.events == taken.closed_at)
            CHECK(!host_close(member->node));
    } while (host_next_event(member->node, &next));
}

static bool crowd_is_taken(void *context)
{
    const struct member *member = context;

    return taken.events == CROWD || member->closed;
}

/* Members that nobody ever heard of, all of them in one state. */
static void hear_of_a_crowd(struct member *member)
{
    static uint8_t ids[CROWD][64];
    static shoal_update updates[CROWD];
    size_t i, size;

    for (i = 0; i < CROWD; i++) {
        char addr[32];

        snprintf(addr, sizeof addr, "127.9.%zu.%zu:9", i / 250, i % 250);
        CHECK(shoal_stock_identity_new(bytes_of_text(addr), 1, ids[i], &size) ==
              0);
        updates[i] = (shoal_update){.id = {ids[i], size}};
    }
    CHECK(shoal_apply(host_engine(member->node), host_now(member->node),
                      updates, CROWD, false, NULL) == 0);
    host_wake(member->node);
}

static void a_handler_may_take_the_events_that_follow(void)
{
    struct member a;

    make_member(&a, NULL);
    memset(&taken, 0, sizeof taken);
    a.on_event = take_all;
    hear_of_a_crowd(&a);
    CHECK(run_until(loop, crowd_is_taken, &a));
    CHECK(taken.calls >= 2 && taken.calls < 10); /* others have their turn */
    CHECK(host_close(a.node));
}

static void no_event_follows_the_end(void)
{
    struct member a;

    make_member(&a, NULL);
    memset(&taken, 0, sizeof taken);
    taken.closed_at = 10;
    a.on_event = take_all;
    hear_of_a_crowd(&a);
    CHECK(run_until(loop, crowd_is_taken, &a));
    CHECK(a.closed == 1 && taken.events == 10);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(a_handler_may_take_the_events_that_follow);
    RUN(no_event_follows_the_end);
    ev_loop_destroy(loop);
    return 0;
}
