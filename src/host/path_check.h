/* SPDX-License-Identifier: MIT */
/*
 * Do large packets arrive?
 *
 * A path may drop what is larger than it takes without a word (a switch), or
 * the parts that a router has made of it (a firewall). Small packets get
 * through, so everybody is alive, and what is large never arrives.
 *
 * After a packet of more than 548 bytes was sent to a member, that member is
 * pinged each second, and once it has answered, with a packet of the same size
 * as well, until that is answered, which usually the first is. When eight large
 * ones were not, but three small ones were, the log warns. Either way the
 * member is not checked again for ten minutes, unless the packets are larger.
 *
 * One member is checked at a time, and one ping in a second is large, whatever
 * is sent: a cluster in which all members send large packets to all costs each
 * member two packets and their answers a second; one that sends none, nothing.
 */
#ifndef SHOAL_HOST_PATH_CHECK_H
#define SHOAL_HOST_PATH_CHECK_H

#include "../shoal.h"

#include <ev.h>

enum {
    PATH_SMALL = 548,   /* bytes that every path carries */
    PATH_WAITING = 16,  /* members that wait to be checked */
    PATH_KNOWN = 256,   /* members whose last check is remembered */
    PATH_ENDPOINT = 72, /* bytes; longer names are not checked */
    PATH_TRIES = 8,
    PATH_SIGNS = 3 /* of life, in small packets */
};

struct host;

/* A member, and the size of the packets. */
struct path {
    uint8_t length; /* of the endpoint */
    char endpoint[PATH_ENDPOINT];
    uint32_t size;
};

struct path_check {
    ev_timer again;
    bool armed;
    struct path waiting[PATH_WAITING]; /* a ring */
    unsigned first, num_waiting;
    struct path_known {
        uint32_t hash; /* of the endpoint */
        uint32_t size; /* that was tried */
        uint64_t until_us;
    } * known; /* PATH_KNOWN, made with the first */

    bool running;
    struct path now;
    uint8_t number; /* of the last small ping; that of the large one is next */
    unsigned tries, large, signs;
};

void path_init(struct host *node);
void path_clear(struct host *node);
/* A packet of so many bytes goes to a member there. */
void path_sent(struct host *node, shoal_bytes endpoint, size_t size);
/* A packet came in: it may be an answer. */
void path_heard(struct host *node, shoal_bytes packet);

#endif
