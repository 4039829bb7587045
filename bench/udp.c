/* SPDX-License-Identifier: MIT */
/*
 * Both sides of the `udp` benchmark:
 *
 *   shoal-bench-udp echo              answers each datagram with its own bytes;
 *                                     prints "HOST:PORT" when it listens
 *   shoal-bench-udp ping PORT SECONDS sends pings to a member at 127.0.0.1:PORT
 *                                     and prints how many per second it answers
 *   shoal-bench-udp datagrams PORT SECONDS
 *                                     the same bytes to an echo
 *
 * Both answer what they have received with one recvmmsg and one sendmmsg. The
 * pinging side keeps a window of datagrams on their way, fewer than what a
 * socket's buffer holds, so that nothing is lost.
 */
#include "bench.h"

#include "base/bytes.h"
#include "wire/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, WINDOW = 64, ROOM = 1500 };

struct batch {
    uint8_t bytes[BATCH][ROOM];
    struct sockaddr_in peers[BATCH];
    struct iovec slices[BATCH];
    struct mmsghdr messages[BATCH];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(struct sockaddr_in *bound)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t size = sizeof *bound;
    *bound = (struct sockaddr_in){.sin_family = AF_INET};
    bound->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)bound, size) ||
        getsockname(fd, (struct sockaddr *)bound, &size))
        fail("socket");
    return fd;
}

static void batch_init(struct batch *batch)
{
    for (unsigned i = 0; i < BATCH; i++) {
        batch->slices[i] = (struct iovec){batch->bytes[i], ROOM};
        batch->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->peers[i],
            .msg_namelen = sizeof batch->peers[i],
            .msg_iov = &batch->slices[i],
            .msg_iovlen = 1,
        };
    }
}

/* How many came: what waits, at least one. */
static unsigned take(int fd, struct batch *batch)
{
    for (unsigned i = 0; i < BATCH; i++)
        batch->slices[i].iov_len = ROOM;
    int n = recvmmsg(fd, batch->messages, BATCH, MSG_WAITFORONE, NULL);
    if (n < 0)
        fail("recvmmsg");
    return (unsigned)n;
}

static void give(int fd, struct batch *batch, unsigned n)
{
    for (unsigned sent = 0; sent < n;) {
        int done = sendmmsg(fd, batch->messages + sent, n - sent, 0);
        if (done < 0)
            fail("sendmmsg");
        sent += (unsigned)done;
    }
}

static _Noreturn void echo(void)
{
    static struct batch batch;
    struct sockaddr_in bound;
    int fd = open_socket(&bound);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    printf("127.0.0.1:%u\n", ntohs(bound.sin_port));
    fflush(stdout);
    batch_init(&batch);
    for (;;) {
        unsigned n = take(fd, &batch);
        for (unsigned i = 0; i < n; i++)
            batch.slices[i].iov_len = batch.messages[i].msg_len;
        give(fd, &batch, n);
    }
}

/* ---- The side that asks ---- */

struct asker {
    int fd;
    struct sockaddr_in to;
    uint8_t self[SHOAL_MAX_IDENTITY], target[SHOAL_MAX_IDENTITY];
    size_t self_size, target_size;
    struct batch out, in;
};

static size_t identity_of(const struct sockaddr_in *address, uint64_t bump,
                          uint8_t *id)
{
    char addr[32];
    size_t size;
    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(address->sin_port));
    bench_check(shoal_stock_identity_new(bytes_of_text(addr), bump, id, &size),
                "identity");
    return size;
}

/* An announce names an address, all else an identity. */
static uint32_t hash_of_target(const struct asker *asker, shoal_message kind)
{
    char addr[32];
    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(asker->to.sin_port));
    return wire_hash(kind == SHOAL_MSG_ANNOUNCE
                         ? bytes_of_text(addr)
                         : (shoal_bytes){asker->target, asker->target_size});
}

static size_t write_header(const struct asker *asker, shoal_message kind,
                           uint8_t *out)
{
    shoal_codec codec = shoal_default_codec();
    shoal_header header = {.kind = (uint8_t)kind,
                           .src = {asker->self, asker->self_size},
                           .dst_hash = hash_of_target(asker, kind)};
    size_t size;
    bench_check(codec.encode_header(NULL, &header, out, ROOM, &size), "header");
    return size;
}

/* An announce needs the address only; the feed tells the whole identity. */
static void learn_target(struct asker *asker)
{
    shoal_codec codec = shoal_default_codec();
    uint8_t bytes[ROOM];
    shoal_header header;
    size_t used, size = write_header(asker, SHOAL_MSG_ANNOUNCE, bytes);
    struct pollfd ready = {asker->fd, POLLIN, 0};
    sendto(asker->fd, bytes, size, 0, (struct sockaddr *)&asker->to,
           sizeof asker->to);
    if (poll(&ready, 1, 5000) != 1)
        fail("no answer to the announce");
    ssize_t got = recv(asker->fd, bytes, sizeof bytes, 0);
    shoal_bytes packet = {bytes, got > 0 ? (size_t)got : 0};
    bench_check(codec.decode_header(NULL, packet, &header, &used), "feed");
    memcpy(asker->target, header.src.data, header.src.size);
    asker->target_size = header.src.size;
}

static void fill_window(struct asker *asker)
{
    uint8_t bytes[ROOM];
    size_t size = write_header(asker, SHOAL_MSG_PING, bytes);
    batch_init(&asker->out);
    batch_init(&asker->in);
    for (unsigned i = 0; i < BATCH; i++) {
        memcpy(asker->out.bytes[i], bytes, size);
        asker->out.slices[i].iov_len = size;
        asker->out.peers[i] = asker->to;
    }
    for (unsigned i = 0; i < WINDOW / BATCH; i++)
        give(asker->fd, &asker->out, BATCH);
}

static int ask(uint16_t port, double seconds, bool is_member)
{
    static struct asker asker;
    struct sockaddr_in bound;
    asker.fd = open_socket(&bound);
    asker.to = bound;
    asker.to.sin_port = htons(port);
    asker.self_size = identity_of(&bound, (uint64_t)getpid(), asker.self);
    asker.target_size = identity_of(&asker.to, 1, asker.target);
    if (is_member)
        learn_target(&asker);
    fill_window(&asker);
    uint64_t answers = 0;
    double start = bench_now(), now = start;
    while (now - start < seconds) {
        unsigned n = take(asker.fd, &asker.in);
        give(asker.fd, &asker.out, n);
        answers += n;
        now = bench_now();
    }
    printf("%.0f\n", (double)answers / (now - start));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        echo();
    long port = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    if (port < 1 || port > UINT16_MAX || seconds <= 0) {
        fprintf(stderr, "usage: shoal-bench-udp echo | "
                        "ping PORT SECONDS | datagrams PORT SECONDS\n");
        return 2;
    }
    return ask((uint16_t)port, seconds, strcmp(argv[1], "ping") == 0);
}
