/* SPDX-License-Identifier: MIT */
/* The server: it listens, takes connections, and lets the library work. */
#include "web_parts.h"

#include "../base/clock.h"
#include "../host/key_file.h"
#include "../host/loop_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCEPTS = 16 /* in one turn of the loop */ };

static const double SWEEP_S = 1.;

/* ---- The library's turn ---- */

static void stop_daemon(web_server *server)
{
    struct web_peer *peer;

    for (peer = server->peers; peer; peer = peer->next)
        web_peer_cut(peer);
    (void)server->api->run(server->daemon); /* those that waited */
    server->api->stop_daemon(server->daemon);
}

static void free_server(web_server *server)
{
    stop_daemon(server);
    server->callbacks.closed(server->callbacks.context);
    free(server);
}

static void run_in(web_server *server, double seconds)
{
    ev_timer_stop(server->loop, &server->soon);
    ev_timer_set(&server->soon, seconds, 0.);
    ev_timer_start(server->loop, &server->soon);
}

static void plan(web_server *server)
{
    unsigned long long ms;

    if (server->resumed)
        run_in(server, 0.);
    else if (server->api->get_timeout(server->daemon, &ms) == MHD_YES)
        run_in(server, (double)ms / 1e3);
    else
        ev_timer_stop(server->loop, &server->soon);
    if ((server->peers || server->paused) && !ev_is_active(&server->sweep))
        ev_timer_again(server->loop, &server->sweep);
}

void web_run(web_server *server)
{
    server->resumed = false;
    if (server->busy++ == 0 && !server->closed)
        (void)server->api->run(server->daemon);
    if (--server->busy > 0)
        return;
    if (server->closed)
        free_server(server);
    else
        plan(server);
}

/* Whoever is on the stack of a busy server plans at its end. */
void web_run_soon(web_server *server)
{
    if (server->resumed || server->closed)
        return;
    server->resumed = true;
    if (server->busy == 0)
        run_in(server, 0.);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    if (events & EV_ERROR)
        loop_watch_again(loop, watcher);
    web_run(watcher->data);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    web_run(watcher->data);
}

/* ---- Accepting ---- */

/* Out of descriptors: the listener would stay readable, and the loop would
 * spin. The next sweep tries again. */
static void pause_accepting(web_server *server, const char *error)
{
    ev_io_stop(server->loop, &server->acceptable);
    server->paused = true;
    if (!ev_is_active(&server->sweep))
        ev_timer_again(server->loop, &server->sweep);
    server->callbacks.trouble(server->callbacks.context, error);
}

static int accept_one(web_server *server, struct address *from)
{
    int fd;

    memset(from, 0, sizeof *from);
    from->size = sizeof from->as;
    fd = accept(server->fd, &from->as.any, &from->size);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    if (server->place.is_path)
        from->size = 0;
    return fd;
}

static bool has_room_for(web_server *server, const struct address *from)
{
    if (from->size > 0 && !address_is_loopback(from) &&
        web_peers_of(server, from) >= WEB_MAX_PER_HOST)
        return false;
    return server->num_peers < WEB_MAX_CONNECTIONS ||
           web_peers_make_room(server);
}

static void take(web_server *server, int fd, const struct address *from)
{
    static const struct sockaddr_in nowhere = {.sin_family = AF_INET};
    bool is_path = from->size == 0;

    if (!has_room_for(server, from)) {
        server->stats.refused++;
        close(fd);
        return;
    }
    if (server->closed) {
        close(fd);
        return;
    }
    server->next_address = *from;
    server->stats.accepted++;
    /* What it cannot take it closes. */
    (void)server->api->add_connection(
        server->daemon, fd,
        is_path ? (const struct sockaddr *)&nowhere : &from->as.any,
        is_path ? (socklen_t)sizeof nowhere : from->size);
    (void)server->api->run(server->daemon); /* now it is a peer */
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    web_server *server = watcher->data;
    struct address from;
    int fd = -1, i;

    (void)loop;
    if (events & EV_ERROR) {
        pause_accepting(server, "the event loop cannot watch the socket");
        return;
    }
    server->busy++;
    for (i = 0; i < ACCEPTS && !server->closed; i++) {
        fd = accept_one(server, &from);
        if (fd < 0)
            break;
        take(server, fd, &from);
    }
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pause_accepting(server, error_text(errno));
    server->busy--;
    web_run(server);
}

static void on_sweep(struct ev_loop *loop, ev_timer *watcher, int events)
{
    web_server *server = watcher->data;

    (void)events;
    if (server->paused) {
        server->paused = false;
        loop_watch_again(loop, &server->acceptable);
    }
    web_peers_check(server);
    ev_timer_stop(loop, watcher); /* unless there is a reason left */
    web_run(server);
}

/* ---- Life ---- */

static bool start_daemon(web_server *server)
{
    server->daemon = server->api->start_daemon(
        MHD_NO_LISTEN_SOCKET | MHD_EPOLL | MHD_SUSPEND_RESUME, 0, NULL, NULL,
        web_on_handler, server,                                   //
        MHD_CONNECTION_LIMIT, (unsigned)WEB_MAX_CONNECTIONS + 1,  //
        MHD_CONNECTION_MEMORY_LIMIT, (size_t)WEB_MAX_HEADERS,     //
        MHD_URI_LOG_CALLBACK, web_on_uri, (void *)server,         //
        MHD_NOTIFY_COMPLETED, web_on_completed, (void *)server,   //
        MHD_NOTIFY_CONNECTION, web_on_connection, (void *)server, //
        MHD_END);
    return server->daemon != NULL;
}

static int read_token(web_server *server, const web_options *options,
                      struct error *error)
{
    ssize_t size;

    if (options->is_public && !options->token_file)
        return error_fail(error, "whoever may ask from elsewhere has to show a "
                                 "token: --http-token-file is missing");
    if (!options->token_file)
        return 0;
    size = key_file_read_text("token file", options->token_file, server->token,
                              sizeof server->token, error);
    if (size < 0)
        return -1;
    while (size > 0 && strchr(" \t\r\n", server->token[size - 1]))
        size--;
    server->token[size] = '\0';
    if (size < 16 || strlen(server->token) != (size_t)size ||
        strpbrk(server->token, " \t\r\n"))
        return error_fail(error,
                          "the token file %s must have one word of 16 or more "
                          "bytes in it",
                          options->token_file);
    return 0;
}

static int open_server(web_server *server, const char *where,
                       const web_options *options, struct error *error)
{
    int number;

    server->api = mhd_api_open();
    if (!server->api)
        return error_fail(error,
                          "HTTP needs libmicrohttpd (libmicrohttpd.so.12, "
                          "Debian: libmicrohttpd12), which cannot be "
                          "opened");
    if (read_token(server, options, error) != 0)
        return -1;
    server->fd = place_listen(&server->place, where, options->is_public,
                              &options->access, error);
    if (server->fd < 0)
        return -1;
    number = loop_check_watching(server->loop, server->fd);
    if (number != 0)
        error_errno(error, number, "cannot listen on %s", where);
    else if (!start_daemon(server))
        error_fail(error, "cannot listen on %s: libmicrohttpd cannot start",
                   where);
    else
        return 0;
    place_remove(&server->place);
    close(server->fd);
    return -1;
}

static uint64_t limit(double seconds, unsigned usual)
{
    return (uint64_t)((seconds > 0 ? seconds : usual) * 1e6);
}

static void set_limits(web_server *server, const web_options *options)
{
    server->limits_us[WEB_IDLE] = limit(options->idle_s, WEB_IDLE_S);
    server->limits_us[WEB_ARRIVING] = limit(options->arrive_s, WEB_ARRIVE_S);
    server->limits_us[WEB_WAITING] = limit(0, WEB_WAIT_S);
    server->limits_us[WEB_WRITING] = limit(options->write_s, WEB_WRITE_S);
}

static void watch(web_server *server)
{
    const union mhd_info *epoll =
        server->api->get_daemon_info(server->daemon, MHD_INFO_EPOLL_FD);

    ev_io_init(&server->acceptable, on_acceptable, server->fd, EV_READ);
    ev_io_init(&server->ready, on_ready, epoll->fd, EV_READ);
    ev_init(&server->soon, on_soon);
    ev_init(&server->sweep, on_sweep);
    server->sweep.repeat = SWEEP_S;
    server->acceptable.data = server->ready.data = server;
    server->soon.data = server->sweep.data = server;
    ev_io_start(server->loop, &server->acceptable);
    ev_io_start(server->loop, &server->ready);
}

web_server *web_listen(struct ev_loop *loop, const char *where,
                       const web_options *options,
                       const web_callbacks *callbacks, struct error *error)
{
    web_server *server = calloc(1, sizeof *server);

    if (!server) {
        error_fail(error, "cannot listen on %s: out of memory", where);
        return NULL;
    }
    server->loop = loop;
    server->callbacks = *callbacks;
    server->is_public = options->is_public;
    set_limits(server, options);
    if (open_server(server, where, options, error) != 0) {
        free(server);
        return NULL;
    }
    watch(server);
    return server;
}

void web_close(web_server *server)
{
    if (!server || server->closed)
        return;
    server->closed = true;
    place_remove(&server->place);
    ev_io_stop(server->loop, &server->acceptable);
    ev_io_stop(server->loop, &server->ready);
    ev_timer_stop(server->loop, &server->soon);
    ev_timer_stop(server->loop, &server->sweep);
    close(server->fd);
    if (server->busy == 0)
        free_server(server);
}

const char *web_place(const web_server *server)
{
    return server->place.text;
}

web_stats web_get_stats(const web_server *server)
{
    web_stats stats = server->stats;

    stats.connections = server->num_peers;
    return stats;
}
