/* SPDX-License-Identifier: MIT */
/* Names are looked up in threads; the loop goes on, and may go away. */
#include "host_test.h"

#include "host/host.h"
#include "host/resolve.h"

#include <pthread.h>
#include <signal.h>

static const struct address_reach v4 = {.family = AF_INET};

/* ---- A name server that answers when it is told to ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool open_for_answers;
static unsigned asked, most_at_once, at_once;

static const char *answer_when_open(const char *name, uint16_t port,
                                    struct address_reach reach,
                                    struct addresses *out)
{
    struct address address = {.size = sizeof address.as.v4};

    (void)reach;
    pthread_mutex_lock(&mutex);
    asked++;
    at_once++;
    if (at_once > most_at_once)
        most_at_once = at_once;
    pthread_cond_broadcast(&changed);
    while (!open_for_answers)
        pthread_cond_wait(&changed, &mutex);
    at_once--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    if (name[0] == '?')
        return "nobody knows it";
    address.as.v4.sin_family = AF_INET;
    address.as.v4.sin_port = htons(port);
    if (!addresses_add(out, &address) || !addresses_add(out, &address))
        return "out of memory";
    out->list[1].as.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return NULL;
}

static void open_server(bool open)
{
    pthread_mutex_lock(&mutex);
    open_for_answers = open;
    if (!open)
        asked = most_at_once = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_until_asked(unsigned count)
{
    pthread_mutex_lock(&mutex);
    while (asked < count)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void wait_until_nobody_asks(void)
{
    pthread_mutex_lock(&mutex);
    while (at_once > 0)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

/* ---- Who asks ---- */

struct asker {
    struct ev_loop *loop;
    struct resolver *resolver;
    unsigned answered, failed, expected;
    uint16_t last_port;
    bool frees;
};

static void set_up(struct asker *asker)
{
    memset(asker, 0, sizeof *asker);
    asker->loop = ev_loop_new(0);
    asker->resolver = resolver_new(asker->loop, v4, answer_when_open);
    CHECK(asker->loop && asker->resolver);
    open_server(false);
}

static void tear_down(struct asker *asker)
{
    resolver_free(asker->resolver);
    ev_loop_destroy(asker->loop);
}

static void on_answer(void *context, const struct addresses *addresses,
                      const char *error)
{
    struct asker *asker = context;

    CHECK(!addresses == !!error);
    if (addresses) {
        CHECK(addresses->count == 2);
        CHECK(!address_is_loopback(&addresses->list[0]));
        CHECK(address_is_loopback(&addresses->list[1]));
        asker->last_port = address_port(&addresses->list[1]);
    } else {
        asker->failed++;
    }
    asker->answered++;
    if (!asker->frees)
        return;
    resolver_free(asker->resolver);
    asker->resolver = NULL;
}

static void ask(struct asker *asker, const char *name, uint16_t port)
{
    CHECK(resolver_ask(asker->resolver, name, port, on_answer, asker) == 0);
}

static bool has_answers(void *context)
{
    struct asker *asker = context;

    return asker->answered >= asker->expected;
}

static bool wait_for_answers(struct asker *asker, unsigned count)
{
    asker->expected = count;
    return run_until(asker->loop, has_answers, asker);
}

/* ---- What is expected ---- */

static void the_loop_goes_on_while_a_name_is_looked_up(void)
{
    struct asker asker;

    set_up(&asker);
    ask(&asker, "a", 5);
    wait_until_asked(1);
    run_for(asker.loop, 0.05);
    CHECK(asker.answered == 0);
    open_server(true);
    CHECK(wait_for_answers(&asker, 1));
    CHECK(asker.failed == 0 && asker.last_port == 5);
    tear_down(&asker);
}

static void a_failure_says_why(void)
{
    struct asker asker;

    set_up(&asker);
    open_server(true);
    ask(&asker, "?", 5);
    CHECK(wait_for_answers(&asker, 1));
    CHECK(asker.failed == 1);
    tear_down(&asker);
}

static void many_names_share_a_few_threads(void)
{
    struct asker asker;
    int i;

    set_up(&asker);
    for (i = 0; i < 500; i++)
        ask(&asker, i % 2 ? "a" : "?", 1);
    wait_until_asked(RESOLVE_THREADS);
    open_server(true);
    CHECK(wait_for_answers(&asker, 500));
    CHECK(asker.failed == 250);
    CHECK(most_at_once == RESOLVE_THREADS);
    tear_down(&asker);
}

/* The thread may be done before resolver_ask() is back. */
static void an_answer_that_comes_at_once_is_not_lost(void)
{
    struct asker asker;
    unsigned i;

    set_up(&asker);
    open_server(true);
    for (i = 1; i <= 500; i++) {
        ask(&asker, "a", 1);
        CHECK(wait_for_answers(&asker, i));
    }
    tear_down(&asker);
}

static void it_is_freed_while_lookups_go_on(void)
{
    struct asker asker;
    int i;

    set_up(&asker);
    for (i = 0; i < 20; i++)
        ask(&asker, "a", 1);
    wait_until_asked(RESOLVE_THREADS);
    tear_down(&asker);
    open_server(true);
    wait_until_nobody_asks();
    CHECK(asker.answered == 0);
}

static void an_answer_may_free_it(void)
{
    struct asker asker;
    int i;

    set_up(&asker);
    asker.frees = true;
    for (i = 0; i < 20; i++)
        ask(&asker, "a", 1);
    open_server(true);
    CHECK(wait_for_answers(&asker, 1));
    run_for(asker.loop, 0.02);
    CHECK(asker.answered == 1);
    ev_loop_destroy(asker.loop);
    wait_until_nobody_asks();
}

static void it_does_not_keep_a_loop_alive(void)
{
    struct asker asker;

    set_up(&asker);
    open_server(true);
    ask(&asker, "a", 1);
    CHECK(wait_for_answers(&asker, 1));
    CHECK(!ev_run(asker.loop, 0)); /* nothing to wait for: it returns */
    tear_down(&asker);
}

static void the_system_knows_localhost(void)
{
    struct address_reach both = {.family = AF_INET6, .dual = true};
    char text[ADDRESS_MAX_ENDPOINT];
    struct addresses all = {0};
    struct address out;
    size_t i;

    CHECK(!resolve_first_blocking("localhost", 5, v4, &out));
    address_format(&out, text);
    CHECK(strcmp(text, "127.0.0.1:5") == 0);
    CHECK(!resolve_blocking("localhost", 5, both, &all));
    for (i = 0; i < all.count; i++)
        CHECK(all.list[i].as.any.sa_family == AF_INET6 &&
              address_port(&all.list[i]) == 5);
    addresses_clear(&all);
}

static void a_name_may_have_addresses_of_the_other_family_only(void)
{
    struct address_reach v6 = {.family = AF_INET6};
    struct addresses out = {0};

    CHECK_SAYS(resolve_blocking("127.0.0.1", 5, v6, &out),
               "it has no IPv6 address");
    CHECK_SAYS(resolve_blocking("::1", 5, v4, &out), "it has no IPv4 address");
    CHECK(out.count == 0);
}

int main(void)
{
    RUN(the_loop_goes_on_while_a_name_is_looked_up);
    RUN(a_failure_says_why);
    RUN(a_name_may_have_addresses_of_the_other_family_only);
    RUN(many_names_share_a_few_threads);
    RUN(an_answer_that_comes_at_once_is_not_lost);
    RUN(it_is_freed_while_lookups_go_on);
    RUN(an_answer_may_free_it);
    RUN(it_does_not_keep_a_loop_alive);
    RUN(the_system_knows_localhost);
    return 0;
}
