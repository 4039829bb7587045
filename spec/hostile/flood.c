/* SPDX-License-Identifier: MIT */
/*
 * The hostile peer of `make hostile`: sends packets to a member, as fast as it
 * is told to, and counts what anybody gets back.
 *
 *   spec-flood relay LISTEN TO FILE
 *       passes on what comes to the port LISTEN to the port TO, and keeps a
 * copy of each datagram in FILE, until it is ended spec-flood KIND PORT COUNT
 * RATE SEED [FILE | BUMP] noise      random bytes foreign    what looks sealed
 * with another key forged     what FILE has, with one bit changed replay what
 * FILE has stranger   packets of all kinds in the name of a third party, which
 * is to get the answers; BUMP is the member's crowd      COUNT identities, each
 * at an address of its own, which all answer once to show that they are there
 *       renew      one member that takes COUNT new identities
 *
 * All on 127.0.0.1. RATE is in packets a second, 0: at once. The last line of
 * the output has numbers: sent, bytes, got (datagrams), got_bytes, seconds.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "shoal.h"
#include "wire/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1500, BURST = 32, MAX_RECORDS = 65536 };

struct record {
    size_t size;
    uint8_t *bytes;
};

static struct {
    int fd; /* the third party's, which sends as well */
    uint16_t own_port;
    struct sockaddr_in to;
    struct rng rng;
    struct record *records;
    size_t num_records;
    uint64_t bump, count, sent, bytes, got, got_bytes;
    uint32_t cookie; /* the last that we got */
    shoal_codec codec;
} peer;

static struct {
    unsigned count;
    uint8_t bytes[BURST][MOST];
    struct iovec slices[BURST];
    struct mmsghdr messages[BURST];
} burst;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int make_socket(uint32_t ip, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, size = 8 << 20;
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(ip)};

    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0)
        die("bind");
    (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static struct sockaddr_in at(uint32_t ip, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(ip)};
}

/* ---- What was recorded ---- */

static void keep(FILE *file, const uint8_t *bytes, size_t size)
{
    uint8_t head[2] = {(uint8_t)(size >> 8), (uint8_t)size};

    if (fwrite(head, 1, 2, file) != 2 || fwrite(bytes, 1, size, file) != size)
        die("write");
    fflush(file);
}

static _Noreturn void relay(uint16_t port, uint16_t to_port, const char *path)
{
    int fd = make_socket(INADDR_LOOPBACK, port);
    struct sockaddr_in to = at(INADDR_LOOPBACK, to_port);
    FILE *file = fopen(path, "wb");
    uint8_t buffer[65536];

    if (!file)
        die(path);
    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof buffer, 0);

        if (size < 0)
            continue;
        keep(file, buffer, (size_t)size);
        (void)sendto(fd, buffer, (size_t)size, 0, (struct sockaddr *)&to,
                     sizeof to);
    }
}

static void load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t head[2];

    if (!file)
        die(path);
    peer.records = calloc(MAX_RECORDS, sizeof *peer.records);
    while (peer.records && peer.num_records < MAX_RECORDS &&
           fread(head, 1, 2, file) == 2) {
        struct record *record = &peer.records[peer.num_records++];

        record->size = (size_t)head[0] << 8 | head[1];
        record->bytes = malloc(record->size + 1);
        if (!record->bytes ||
            fread(record->bytes, 1, record->size, file) != record->size)
            die("read");
    }
    fclose(file);
    if (peer.num_records == 0)
        die("nothing was recorded");
}

/* ---- Packets ---- */

static size_t stock(const char *addr, uint64_t bump, uint8_t *out)
{
    shoal_bytes text = {(const uint8_t *)addr, strlen(addr)};
    size_t size = 0;

    if (shoal_stock_identity_new(text, bump, out, &size) != 0)
        die("identity");
    return size;
}

static uint32_t hash_of_member(uint8_t kind)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    char addr[32];
    shoal_bytes bytes = {id, 0};

    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(peer.to.sin_port));
    if (kind == SHOAL_MSG_ANNOUNCE)
        return wire_hash((shoal_bytes){(const uint8_t *)addr, strlen(addr)});
    bytes.size = stock(addr, peer.bump, id);
    return wire_hash(bytes);
}

static size_t packet(uint8_t kind, uint32_t ip, uint16_t port, uint64_t bump,
                     uint32_t echo, uint8_t *out)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    char addr[32];
    struct in_addr in = {htonl(ip)};
    shoal_header header = {.kind = kind, .echo = echo};
    size_t size = 0;

    snprintf(addr, sizeof addr, "%s:%u", inet_ntoa(in), port);
    header.src = (shoal_bytes){id, stock(addr, bump, id)};
    header.dst_hash = hash_of_member(kind);
    header.cookie = 1 + (uint32_t)rng_next(&peer.rng) % 1000000;
    if (wire_has_peer(kind))
        header.peer = header.src;
    if (peer.codec.encode_header(peer.codec.context, &header, out, MOST,
                                 &size) != 0)
        die("encode");
    return size;
}

static size_t noise(uint8_t *out)
{
    size_t size = 1 + (size_t)(rng_next(&peer.rng) % 1400), i;

    for (i = 0; i < size; i += 8) { /* `out` has room for more */
        uint64_t eight = rng_next(&peer.rng);

        memcpy(out + i, &eight, 8);
    }
    return size;
}

static size_t next(const char *kind, uint64_t i, uint8_t *out)
{
    static const uint8_t kinds[] = {
        SHOAL_MSG_PING,     SHOAL_MSG_ANNOUNCE, SHOAL_MSG_GOSSIP,
        SHOAL_MSG_EXCHANGE, SHOAL_MSG_ACK,      SHOAL_MSG_INDIRECT_PING,
        SHOAL_MSG_FEED,     SHOAL_MSG_PING_REQ, SHOAL_MSG_TURN_UNDEAD};
    const struct record *record;
    size_t size;

    if (strcmp(kind, "noise") == 0)
        return noise(out);
    if (strcmp(kind, "foreign") == 0) {
        size = noise(out);
        size = size < 60 ? 60 : size;
        out[0] = 0xc1;
        out[1] = 0;
        return size;
    }
    if (strcmp(kind, "stranger") == 0)
        return packet(kinds[i % sizeof kinds], INADDR_LOOPBACK, peer.own_port,
                      rng_next(&peer.rng) % 1000000, 0, out);
    record = &peer.records[rng_next(&peer.rng) % peer.num_records];
    memcpy(out, record->bytes, record->size);
    if (strcmp(kind, "forged") == 0 && record->size > 29)
        out[28 + rng_next(&peer.rng) % (record->size - 28)] ^=
            (uint8_t)(1u << rng_next(&peer.rng) % 8);
    return record->size;
}

/* ---- Sending and hearing ---- */

/* All that are in `burst`: what a full buffer does not take was not sent. */
static void flush(void)
{
    int done = sendmmsg(peer.fd, burst.messages, burst.count, 0), i;

    for (i = 0; i < done; i++) {
        peer.sent++;
        peer.bytes += burst.messages[i].msg_len;
    }
    burst.count = 0;
}

static void add_to_burst(const uint8_t *bytes, size_t size)
{
    unsigned i = burst.count++;

    memcpy(burst.bytes[i], bytes, size);
    burst.slices[i] = (struct iovec){burst.bytes[i], size};
    burst.messages[i].msg_hdr = (struct msghdr){.msg_name = &peer.to,
                                                .msg_namelen = sizeof peer.to,
                                                .msg_iov = &burst.slices[i],
                                                .msg_iovlen = 1};
    if (burst.count == BURST)
        flush();
}

static void send_to_member(const uint8_t *bytes, size_t size)
{
    add_to_burst(bytes, size);
    flush();
}

/* To which of our addresses the next datagram came; 0: there is none. */
static uint32_t hear(uint8_t *out, size_t *size)
{
    struct iovec slice = {out, 65536};
    char control[256];
    struct msghdr message = {.msg_iov = &slice,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(peer.fd, &message, MSG_DONTWAIT);
    struct cmsghdr *part;

    if (got < 0)
        return 0;
    *size = (size_t)got;
    peer.got++;
    peer.got_bytes += (size_t)got;
    for (part = CMSG_FIRSTHDR(&message); part;
         part = CMSG_NXTHDR(&message, part))
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(part), sizeof info);
            return ntohl(info.ipi_addr.s_addr);
        }
    return INADDR_LOOPBACK;
}

static void hear_all(void)
{
    static uint8_t buffer[65536];
    size_t size;

    while (hear(buffer, &size))
        ;
}

/* Shows, for each that is asked, that it is there. */
static void answer_all(uint64_t bump)
{
    static uint8_t buffer[65536];
    uint8_t out[MOST];
    shoal_header header;
    size_t size, used;
    uint32_t ip;

    while ((ip = hear(buffer, &size)) != 0) {
        shoal_bytes bytes = {buffer, size};

        memset(&header, 0, sizeof header);
        if (peer.codec.decode_header(peer.codec.context, bytes, &header,
                                     &used) != 0 ||
            header.cookie == 0)
            continue;
        peer.cookie = header.cookie;
        size = packet(SHOAL_MSG_GOSSIP, ip, peer.own_port, bump, header.cookie,
                      out);
        send_to_member(out, size);
    }
}

static void pause_until(uint64_t due_us)
{
    while (clock_monotonic_us() < due_us) {
        uint64_t left = due_us - clock_monotonic_us();

        if (left > 1000000)
            break;
        (void)poll(NULL, 0, (int)(left / 1000));
    }
}

/* One that may be a member: a newcomer at that address, or the same one again,
 * which has shown before that it is there. */
static void come(uint32_t ip, uint64_t bump)
{
    bool is_known = ip == INADDR_LOOPBACK && peer.cookie != 0;
    uint8_t kind = is_known ? SHOAL_MSG_GOSSIP : SHOAL_MSG_ANNOUNCE;
    uint8_t out[MOST];
    size_t size =
        packet(kind, ip, peer.own_port, bump, is_known ? peer.cookie : 0, out);

    send_to_member(out, size);
    if (bump == 1 && ip == INADDR_LOOPBACK)
        (void)poll(NULL, 0, 100); /* for the cookie */
    answer_all(bump);
}

static void throw(const char *kind, uint64_t i)
{
    static uint8_t out[65536];
    size_t size = next(kind, i, out);

    add_to_burst(out, size);
    if (i % BURST == 0)
        hear_all();
}

/* How long the sending took, without the wait for what it brings. */
static double flood(const char *kind, uint64_t rate)
{
    const uint32_t first = (127u << 24 | 1u << 16) + 1;
    uint64_t begun_us = clock_monotonic_us(), i;
    bool is_crowd = strcmp(kind, "crowd") == 0;
    bool renews = strcmp(kind, "renew") == 0;

    for (i = 0; i < peer.count; i++) {
        if (is_crowd)
            come(first + (uint32_t)i, 1);
        else if (renews)
            come(INADDR_LOOPBACK, 1 + i);
        else
            throw(kind, i);
        if (rate > 0 && i % BURST == 0)
            pause_until(begun_us + i * 1000000 / rate);
    }
    flush();
    uint64_t took_us = clock_monotonic_us() - begun_us;
    for (i = 0; i < 20; i++) { /* what is still on its way */
        (void)poll(NULL, 0, 10);
        if (is_crowd || renews)
            answer_all(renews ? peer.count : 1);
        else
            hear_all();
    }
    return (double)took_us / 1e6;
}

int main(int argc, char **argv)
{
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    const char *kind = argc > 1 ? argv[1] : "";

    if (argc == 5 && strcmp(kind, "relay") == 0)
        relay((uint16_t)atoi(argv[2]), (uint16_t)atoi(argv[3]), argv[4]);
    if (argc < 6) {
        fputs("usage: spec-flood KIND PORT COUNT RATE SEED [FILE | BUMP]\n",
              stderr);
        return 2;
    }
    peer.codec = shoal_default_codec();
    peer.to = at(INADDR_LOOPBACK, (uint16_t)atoi(argv[2]));
    peer.count = strtoull(argv[3], NULL, 10);
    peer.rng.state = strtoull(argv[5], NULL, 10);
    if (strcmp(kind, "forged") == 0 || strcmp(kind, "replay") == 0)
        load(argc > 6 ? argv[6] : "");
    else if (argc > 6)
        peer.bump = strtoull(argv[6], NULL, 10);
    peer.fd = make_socket(
        strcmp(kind, "crowd") == 0 ? INADDR_ANY : INADDR_LOOPBACK, 0);
    if (getsockname(peer.fd, (struct sockaddr *)&own, &size) != 0)
        die("getsockname");
    peer.own_port = ntohs(own.sin_port);
    double seconds = flood(kind, strtoull(argv[4], NULL, 10));
    printf("sent=%llu bytes=%llu got=%llu got_bytes=%llu seconds=%.3f\n",
           (unsigned long long)peer.sent, (unsigned long long)peer.bytes,
           (unsigned long long)peer.got, (unsigned long long)peer.got_bytes,
           seconds);
    return 0;
}
