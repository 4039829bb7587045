/* SPDX-License-Identifier: MIT */
/* What becomes of a node, a control socket and watched files when system calls
 * fail: no work for nothing, a word in the log, and an end where there is no
 * way on. */
#include "../faults/faults.h"
#include "host_members.h"

#include "base/log.h"
#include "control/stream.h"
#include "host/watch/watch_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>

/* ---- Faults ---- */

/* A failing call is tried again, but not all the time. */
static void is_not_busy(int which, unsigned most)
{
    run_for(loop, 0.3);
    CHECK(fault_calls(which) <= most);
}

static int lowest_free_descriptor(void)
{
    int fd = dup(STDIN_FILENO);

    CHECK(fd >= 0);
    close(fd);
    return fd;
}

/* ---- A log to look at ---- */

static int log_end;
static struct log log_to;

static void open_log(void)
{
    int ends[2];

    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    log_init(&log_to);
    CHECK(log_set_levels(&log_to, "info", NULL) == 0);
    log_to.fd = ends[1];
    log_end = ends[0];
}

/* What it has said since it was opened. */
static const char *close_log(void)
{
    static char text[16384];
    ssize_t size = read(log_end, text, sizeof text - 1);

    text[size > 0 ? size : 0] = '\0';
    close(log_to.fd);
    close(log_end);
    return text;
}

static unsigned count_in(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

/* ---- A node ---- */

static void a_socket_that_cannot_be_watched_is_not_opened(void)
{
    host_options options = {.loop = loop, .bind = "127.0.0.1:0"};
    struct error error = {""};
    int before = lowest_free_descriptor();

    fault_set(EPOLL_CTL, ENOMEM);
    CHECK(!host_open(&options, &error));
    CHECK_SAYS(error.text,
               "cannot bind 127.0.0.1:0: the event loop cannot watch "
               "the socket: cannot allocate memory");
    CHECK(lowest_free_descriptor() == before);
    fault_set(EPOLL_CTL, 0);
}

static bool has_received(void *context)
{
    const struct member *member = context;

    return host_get_stats(member->node).datagrams_received > 0;
}

/* A quiet node, so that what happens is a test's doing. */
static void open_quiet(struct member *member)
{
    shoal_config config = shoal_config_simple();

    open_log();
    open_member(member, "127.0.0.1:0", NULL, &log_to);
    config.probe_period_us = 3600ull * 1000 * 1000;
    config.probe_rtt_us = 1800ull * 1000 * 1000;
    start_member_with(member, 1, config);
}

static const char *close_quiet(struct member *member, int stranger)
{
    close(stranger);
    CHECK(host_close(member->node));
    return close_log();
}

static int say_something(struct member *member)
{
    int fd = open_stranger(host_bound(member->node));

    CHECK(send(fd, "x", 1, 0) == 1);
    return fd;
}

static void a_socket_that_cannot_be_read_is_read_less_and_less_often(void)
{
    struct member member;
    const char *told;
    int stranger;

    open_quiet(&member);
    stranger = say_something(&member);
    fault_set(RECVMMSG, ENOMEM);
    is_not_busy(RECVMMSG, 30);
    CHECK(host_get_stats(member.node).receive_errors == fault_calls(RECVMMSG));
    CHECK(fault_calls(RECVMMSG) > 1);
    fault_set(RECVMMSG, 0);
    CHECK(run_until(loop, has_received, &member));
    CHECK(member.failure[0] == '\0');
    CHECK(send(stranger, "x", 1, 0) == 1);
    told = close_quiet(&member, stranger);
    CHECK(count_in(told, "cannot receive") == 1);
    CHECK_SAYS(told, "cannot allocate memory");
    CHECK(count_in(told, "the socket works again") == 1);
}

static bool has_failed(void *context)
{
    return ((struct member *)context)->failure[0] != '\0';
}

static void a_socket_that_never_will_be_read_is_the_end(void)
{
    struct member member;
    const char *told;
    int stranger;

    open_quiet(&member);
    stranger = say_something(&member);
    fault_set(RECVMMSG, EBADF);
    CHECK(run_until(loop, has_failed, &member));
    CHECK_SAYS(member.failure, "cannot receive on 127.0.0.1:");
    CHECK_SAYS(member.failure, ": bad file descriptor");
    CHECK(fault_calls(RECVMMSG) < 40);
    fault_set(RECVMMSG, EBADF);
    is_not_busy(RECVMMSG, 0); /* it has failed: that is all */
    fault_set(RECVMMSG, 0);
    told = close_quiet(&member, stranger);
    CHECK(count_in(told, "the node has failed") == 1);
}

static void a_sandbox_without_batches_is_done_without(void)
{
    struct member members[2];

    fault_set(RECVMMSG, EPERM);
    fault_set(SENDMMSG, EPERM);
    make_member(&members[0], NULL);
    make_member(&members[1], NULL);
    join(&members[1], host_bound(members[0].node));
    CHECK(wait_for_members(members, 2, 1));
    CHECK(fault_calls(RECVMMSG) <= 2 && fault_calls(SENDMMSG) <= 2);
    CHECK(host_get_stats(members[0].node).receive_errors == 0);
    CHECK(host_get_stats(members[0].node).send_errors == 0);
    fault_set(RECVMMSG, 0);
    fault_set(SENDMMSG, 0);
    CHECK(host_close(members[0].node));
    CHECK(host_close(members[1].node));
}

static bool has_send_error(void *context)
{
    return host_get_stats(((struct member *)context)->node).send_errors > 0;
}

static void a_datagram_that_cannot_be_sent_is_tried_once(void)
{
    struct member member;
    const char *told;

    open_quiet(&member);
    fault_set(SENDMMSG, ENOMEM);
    join(&member, "127.0.0.1:9");
    CHECK(run_until(loop, has_send_error, &member));
    run_for(loop, 0.3);
    CHECK(fault_calls(SENDMMSG) == host_get_stats(member.node).send_errors);
    CHECK(fault_calls(SENDMMSG) < 10);
    fault_set(SENDMMSG, 0);
    told = close_quiet(&member, dup(STDIN_FILENO));
    CHECK(count_in(told, "cannot send") == 1);
}

static bool has_five_send_errors(void *context)
{
    return host_get_stats(((struct member *)context)->node).send_errors >= 5;
}

/* Each destination is named, whatever was logged a moment ago. */
static void a_datagram_that_is_too_large_is_told_once_for_each_destination(void)
{
    struct member member;
    const char *told;

    open_quiet(&member);
    fault_set(SENDMMSG, EMSGSIZE);
    join(&member, "127.0.0.1:9");
    join(&member, "127.0.0.1:10");
    CHECK(run_until(loop, has_five_send_errors, &member));
    fault_set(SENDMMSG, 0);
    told = close_quiet(&member, dup(STDIN_FILENO));
    CHECK(count_in(told, "lower max_packet_size to=127.0.0.1:9 ") == 1);
    CHECK(count_in(told, "lower max_packet_size to=127.0.0.1:10 ") == 1);
    CHECK(count_in(told, "cannot send") == 0);
}

struct talk {
    const struct member *member;
    int stranger;
    uint64_t wakeups;
};

/* Has what was said been heard by way of the loop? */
static bool is_heard(void *context)
{
    const struct talk *talk = context;

    CHECK(send(talk->stranger, "x", 1, 0) == 1);
    return host_get_stats(talk->member->node).wakeups > talk->wakeups;
}

/* The system refuses after the node has started. */
static void a_socket_that_is_not_watched_any_more_is_looked_at(void)
{
    struct member member;
    struct talk talk = {.member = &member};
    const char *told;

    open_quiet(&member);
    fault_set(EPOLL_CTL, ENOMEM); /* libev asks when it waits */
    talk.stranger = say_something(&member);
    CHECK(run_until(loop, has_received, &member));
    is_not_busy(EPOLL_CTL, 60);
    CHECK(fault_calls(EPOLL_CTL) > 1);
    fault_set(EPOLL_CTL, 0);
    talk.wakeups = host_get_stats(member.node).wakeups;
    CHECK(run_until(loop, is_heard, &talk));
    told = close_quiet(&member, talk.stranger);
    CHECK(count_in(told, "the event loop cannot watch the socket") == 1);
    CHECK(count_in(told, "the socket works again") == 1);
}

/* ---- The deputy ---- */

static void the_deputy_waits_though_it_cannot(void)
{
    host_options options = {.loop = loop, .bind = "127.0.0.1:0"};
    shoal_options engine = {.config = patient_config()};
    uint8_t id[SHOAL_MAX_IDENTITY];
    double end;
    host *node;

    options.busy_limit_us = HOST_BUSY_LIMIT_US;
    node = host_open(&options, NULL);
    CHECK(node);
    CHECK(shoal_stock_identity_new(bytes_of_text(host_bound(node)), 1, id,
                                   &engine.identity.size) == 0);
    engine.identity.data = id;
    engine.handlers.identity = shoal_stock_identity();
    engine.handlers.codec = shoal_default_codec();
    CHECK(host_start(node, &engine, NULL) == 0);
    fault_set(POLL, ENOMEM);
    CHECK(host_handler_begins(0));
    for (end = seconds_now() + 0.4; seconds_now() < end;)
        usleep(1000);
    CHECK(host_handler_ended());
    CHECK(fault_calls(POLL) <= 10);
    fault_set(POLL, 0);
    CHECK(host_close(node));
}

/* ---- The control socket ---- */

static unsigned troubles;

static void on_message(void *context, stream *peer, shoal_bytes message)
{
    (void)context, (void)peer, (void)message;
}

static void on_trouble(void *context, const char *error)
{
    (void)context;
    CHECK_SAYS(error, "too many open files");
    troubles++;
}

static const stream_callbacks callbacks = {NULL, on_message, NULL, on_trouble};

static const stream_callbacks unwatched_callbacks = {NULL, on_message, NULL,
                                                     NULL};

static void connect_to(const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(*fd, (struct sockaddr *)&address, sizeof address) == 0);
}

static bool has_accepted(void *context)
{
    return stream_server_stats(context).accepted == 1;
}

static void a_control_socket_without_descriptors_waits_for_some(void)
{
    char folder[200], path[108];
    stream_server *server;
    int fd;

    make_folder(folder);
    snprintf(path, sizeof path, "%.90s/x.sock", folder);
    server = stream_listen(loop, path, &callbacks, NULL);
    CHECK(server);
    fault_set(ACCEPT4, EMFILE);
    connect_to(path, &fd);
    is_not_busy(ACCEPT4, 5);
    CHECK(troubles == fault_calls(ACCEPT4) && troubles > 0);
    fault_set(ACCEPT4, 0);
    CHECK(run_until(loop, has_accepted, server));
    stream_server_close(server);
    close(fd);
    CHECK(rmdir(folder) == 0);
}

static void a_control_socket_that_is_not_watched_any_more_is_again(void)
{
    char folder[200], path[108];
    stream_server *server;
    int fd;

    make_folder(folder);
    snprintf(path, sizeof path, "%.90s/x.sock", folder);
    server = stream_listen(loop, path, &unwatched_callbacks, NULL);
    CHECK(server);
    fault_set(EPOLL_CTL, ENOMEM);
    connect_to(path, &fd);
    is_not_busy(EPOLL_CTL, 10);
    CHECK(fault_calls(EPOLL_CTL) > 0);
    fault_set(EPOLL_CTL, 0);
    CHECK(run_until(loop, has_accepted, server));
    stream_server_close(server);
    close(fd);
    CHECK(rmdir(folder) == 0);
}

static void a_control_socket_that_cannot_be_watched_is_not_opened(void)
{
    char folder[200], path[108];
    struct error error = {""};
    int before = lowest_free_descriptor();

    make_folder(folder);
    snprintf(path, sizeof path, "%.90s/x.sock", folder);
    fault_set(EPOLL_CTL, ENOSPC);
    CHECK(!stream_listen(loop, path, &callbacks, &error));
    CHECK_SAYS(error.text, "the event loop cannot watch the socket: no space");
    fault_set(EPOLL_CTL, 0);
    CHECK(lowest_free_descriptor() == before);
    CHECK(rmdir(folder) == 0); /* the socket is gone */
}

/* ---- Watched files ---- */

static bool file_changed;

static void on_change(void *context)
{
    (void)context;
    file_changed = true;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void a_file_that_is_not_watched_any_more_is_looked_at(void)
{
    char folder[200], path[240];
    const char *paths[] = {path};
    watch *files;

    make_folder(folder);
    snprintf(path, sizeof path, "%s/file", folder);
    write_file(path, "one");
    files = watch_new_in(&watch_by_inotify, loop, 1000, on_change, NULL, NULL);
    CHECK(files && watch_set(files, paths, 1, NULL) == 0);
    fault_set(EPOLL_CTL, ENOMEM);
    turn(loop);
    write_file(path, "another");
    CHECK(run_until(loop, is_set, &file_changed));
    CHECK(fault_calls(EPOLL_CTL) < 20);
    fault_set(EPOLL_CTL, 0);
    watch_free(files);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

int main(void)
{
    loop = ev_loop_new(EVBACKEND_EPOLL);
    CHECK(loop);
    RUN(a_socket_that_cannot_be_watched_is_not_opened);
    RUN(a_socket_that_cannot_be_read_is_read_less_and_less_often);
    RUN(a_socket_that_never_will_be_read_is_the_end);
    RUN(a_sandbox_without_batches_is_done_without);
    RUN(a_datagram_that_cannot_be_sent_is_tried_once);
    RUN(a_datagram_that_is_too_large_is_told_once_for_each_destination);
    RUN(a_socket_that_is_not_watched_any_more_is_looked_at);
    RUN(the_deputy_waits_though_it_cannot);
    RUN(a_control_socket_without_descriptors_waits_for_some);
    RUN(a_control_socket_that_is_not_watched_any_more_is_again);
    RUN(a_control_socket_that_cannot_be_watched_is_not_opened);
    RUN(a_file_that_is_not_watched_any_more_is_looked_at);
    ev_loop_destroy(loop);
    return 0;
}
