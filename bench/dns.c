/* SPDX-License-Identifier: MIT */
/*
 * What an answer of DNS costs: shoal-bench-dns NAME MEMBERS REPETITIONS, as
 * bench/engine.c; each member has the same service. And how many a member
 * gives: shoal-bench-dns ask PORT SECONDS, at 127.0.0.1:PORT.
 *
 *   dns_a    addresses of a service, by UDP with EDNS: as many as fit
 *   dns_srv  ports and weights, with additional addresses
 *   dns_one  the address of one member by its name
 *   dns_put  a member says something else of itself
 */
#include "bench.h"

#include "base/bytes.h"
#include "dns/answer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 1000, WINDOW = 24, TIMEOUT_MS = 200 };

struct task {
    struct zone zone;
    uint32_t members, next;
    uint8_t query[512];
    size_t size;
    uint8_t out[QUERY_LARGEST];
};

static size_t write_query(uint8_t *query, const char *text, uint16_t type)
{
    struct label_name name = {.size = 0};
    bool ok = label_add_text(&name, bytes_of_text(text), LABEL_MAX_NAME - 1);
    bench_check(ok ? 0 : SHOAL_ERR_MALFORMED, text);
    memset(query, 0, QUERY_HEADER);
    query[5] = query[11] = 1;
    uint8_t *at = bytes_copy(query + QUERY_HEADER, label_bytes(&name));
    *at++ = 0;
    bytes_put_u16be(at, type);
    bytes_put_u16be(at + 2, DNS_IN);
    memset(at + 4, 0, 11);
    bytes_put_u16be(at + 5, DNS_OPT);
    bytes_put_u16be(at + 7, QUERY_LARGEST);
    return (size_t)(at + 15 - query);
}

static void put(struct task *task, uint32_t number)
{
    char host[32], name[32];
    snprintf(host, sizeof host, "10.%u.%u.%u", number >> 16, number >> 8 & 255,
             number & 255);
    snprintf(name, sizeof name, "m%u", number);
    shoal_bytes tags[2] = {bytes_of_text("v2"), bytes_of_text("blue")};
    struct table_service web = {
        .name = bytes_of_text("web"),
        .host = bytes_of_text(host),
        .port = 8080,
        .weight = (uint16_t)(1 + number % 10),
        .is_passing = true,
        .tags = tags,
        .num_tags = 2,
    };
    struct table_description member = {.name = bytes_of_text(name),
                                       .host = bytes_of_text(host),
                                       .services = &web,
                                       .num_services = 1};
    bench_check(
        table_put(task->zone.table, bytes_of(&number, sizeof number), &member),
        "put");
}

static uint64_t answer_many(void *context)
{
    struct task *task = context;
    for (int i = 0; i < BATCH; i++)
        if (answer_query(&task->zone, bytes_of(task->query, task->size), false,
                         task->out, sizeof task->out) == 0)
            bench_check(SHOAL_ERR_MALFORMED, "no answer");
    return BATCH;
}

static uint64_t put_many(void *context)
{
    struct task *task = context;
    for (int i = 0; i < BATCH; i++)
        put(task, task->next++ % task->members);
    return BATCH;
}

static int run(const char *name, uint32_t members, unsigned repetitions)
{
    static struct task task;
    bool is_put = strcmp(name, "dns_put") == 0;
    task.members = members;
    task.zone.table = table_new(1);
    task.zone.rng.state = 1;
    (void)label_add_text(&task.zone.domain, bytes_of_text("shoal"), 63);
    for (uint32_t i = 0; i < members; i++)
        put(&task, i);
    if (strcmp(name, "dns_one") == 0)
        task.size = write_query(task.query, "m7.node.shoal", DNS_A);
    else if (strcmp(name, "dns_srv") == 0)
        task.size = write_query(task.query, "_web._tcp.service.shoal", DNS_SRV);
    else
        task.size = write_query(task.query, "web.service.shoal", DNS_A);
    for (unsigned i = 0; i < repetitions; i++) {
        struct bench bench = {0};
        for (int k = 0; k < (repetitions > 1 ? 20 : 1); k++)
            bench_measure(&bench, is_put ? put_many : answer_many, &task);
        printf("%.1f %.2f %.0f\n",
               bench.seconds * 1e9 / (double)bench.operations,
               (double)bench.allocations / (double)bench.operations,
               (double)bench.operations);
    }
    table_free(task.zone.table);
    return 0;
}

/* ---- The side that asks ---- */

static int connect_to(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_port = htons((uint16_t)atoi(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("socket");
        exit(1);
    }
    return fd;
}

/* So many are on their way; those that are lost are replaced. */
static int ask(const char *port, double seconds)
{
    uint8_t query[512], answer[4096];
    size_t size = write_query(query, "web.service.shoal", DNS_A);
    int fd = connect_to(port);
    double start = bench_now(), end = start + seconds;
    uint64_t answers = 0;
    unsigned waiting = 0;
    while (bench_now() < end) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        for (; waiting < WINDOW; waiting++)
            if (send(fd, query, size, 0) < 0)
                break;
        if (poll(&poll_fd, 1, TIMEOUT_MS) == 0)
            waiting = 0;
        while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0) {
            answers++;
            waiting -= waiting > 0;
        }
    }
    printf("%.0f\n", (double)answers / (bench_now() - start));
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], atof(argv[3]));
    if (argc != 4)
        return 2;
    return run(argv[1], (uint32_t)atoi(argv[2]), (unsigned)atoi(argv[3]));
}
