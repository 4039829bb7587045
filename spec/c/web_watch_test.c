/* SPDX-License-Identifier: MIT */
/* The HTTP listener when the loop cannot watch a descriptor for once: it is
 * watched again, and nobody is left waiting. */
#include "../../src/base/bytes.h"
#include "../../src/web/web.h"
#include "expect.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE, LISTENER, SET };
static enum kind failing; /* the next time that it is added to libev's set */

static bool is_listener(int fd)
{
    int is = 0;
    socklen_t size = sizeof is;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && is;
}

static bool is_set(int fd)
{
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof target - 1) > 0 &&
           strstr(target, "eventpoll");
}

/* Ours is in front of the library's, for libev, too. */
__attribute__((visibility("default"))) int epoll_ctl(int set, int operation,
                                                     int fd,
                                                     struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD && failing != NONE &&
        (failing == LISTENER ? is_listener(fd) : is_set(fd))) {
        failing = NONE;
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

static unsigned requests, troubles;

static void on_request(void *context, web_request *request)
{
    (void)context;
    requests++;
    EXPECT(web_respond(request, 200, web_response_new(bytes_of("x", 1))));
}

static void on_trouble(void *context, const char *error)
{
    (void)context, (void)error;
    troubles++;
}

static void on_over(void *context, web_request *request)
{
    (void)context, (void)request;
}

static void on_closed(void *context)
{
    (void)context;
}

static int connect_to(const char *place)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(strchr(place, ':') + 1));
    EXPECT(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void ask(int fd)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    EXPECT(send(fd, text, sizeof text - 1, 0) == (ssize_t)sizeof text - 1);
}

static void run(struct ev_loop *loop)
{
    ev_run(loop, EVRUN_NOWAIT);
    usleep(10 * 1000);
}

/* Somebody asks after the loop has failed to watch it. */
static void serves_after(enum kind kind)
{
    static const web_callbacks callbacks = {NULL, on_request, on_over,
                                            on_trouble, on_closed};
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    struct error error = {""};
    web_options options = {0};
    web_server *server =
        web_listen(loop, "127.0.0.1:0", &options, &callbacks, &error);
    if (!EXPECT(server != NULL)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    requests = troubles = 0;
    failing = kind;
    ev_run(loop, EVRUN_NOWAIT);
    ev_run(loop, EVRUN_NOWAIT);
    EXPECT(failing == NONE);
    int fd = connect_to(web_place(server));
    for (int i = 0; i < 300 && web_get_stats(server).connections == 0; i++)
        run(loop);
    run(loop);
    ask(fd);
    for (int i = 0; i < 30 && requests == 0; i++)
        run(loop);
    EXPECT(requests == 1);
    EXPECT(troubles == (kind == LISTENER));
    close(fd);
    web_close(server);
    ev_loop_destroy(loop);
}

int main(void)
{
    serves_after(LISTENER);
    serves_after(SET);
    return expect_done();
}

#else

int main(void)
{
    return 0;
}

#endif
