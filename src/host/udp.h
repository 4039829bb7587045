/* SPDX-License-Identifier: MIT */
/*
 * A UDP socket that receives and sends in batches.
 *
 * The inbox takes up to UDP_BATCH datagrams with one system call; the outbox
 * collects as many and sends them with one. Where the system has neither
 * recvmmsg nor sendmmsg (or refuses them) a loop of recvmsg and sendmsg does
 * the same.
 *
 * Nothing here blocks, and no error ends anything: a datagram that the system
 * does not take is lost, as UDP may lose any.
 */
#ifndef SHOAL_HOST_UDP_H
#define SHOAL_HOST_UDP_H

#include "../base/address.h"
#include "../base/error.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { UDP_BATCH = 32 };

struct udp {
    int fd; /* -1: closed */
    struct address_reach reach;
    struct address bound;
    bool plain; /* no recvmmsg and sendmmsg */
};

/* Binds a socket (non-blocking, closed on exec). [::] takes IPv4 as well. 0, or
 * -1 and `error`. */
int udp_open(struct udp *udp, const struct address *bind, struct error *error);
/* Also fine when it is not open. */
void udp_close(struct udp *udp);

/* struct mmsghdr, for systems without it as well: the same fields in the same
 * places. */
struct udp_message {
    struct msghdr msg_hdr;
    unsigned msg_len;
};

/* ---- Receiving ---- */

struct udp_inbox {
    uint8_t *buffers; /* UDP_BATCH of `room` bytes each */
    size_t room;
    struct udp_message messages[UDP_BATCH];
    struct iovec slices[UDP_BATCH];
    struct address from[UDP_BATCH];
    struct udp_control *control; /* where they came to; NULL: we do not ask */
};

/* Makes room for datagrams of up to `room` bytes (again, when that changes).
 * false: no memory; what was there before stays. */
bool udp_inbox_reserve(struct udp_inbox *inbox, size_t room);
void udp_inbox_clear(struct udp_inbox *inbox);

/* From now on the inbox takes down to which of our addresses each datagram
 * came, as far as the system can tell, for udp_outbox_reply(). For a socket at
 * a wildcard. false: no memory. */
bool udp_hear_local(struct udp *udp, struct udp_inbox *inbox);

/* Takes what waits, UDP_BATCH at most: how many, 0 when nothing waits, or -1
 * for an error (an errno), after which one may go on or wait. */
int udp_receive(struct udp *udp, struct udp_inbox *inbox);
/* The i-th of them; borrowed until the next udp_receive(). `*truncated`: it was
 * larger than the room, and this is its beginning. */
shoal_bytes udp_datagram(const struct udp_inbox *inbox, int i, bool *truncated);

/* Where it came from. */
const struct address *udp_sender(struct udp_inbox *inbox, int i);

/* ---- Sending ---- */

/* Told of each datagram that the system did not take; `number` is the errno. */
typedef void udp_failed_fn(void *context, const struct address *to, int number);

struct udp_outbox {
    uint8_t *bytes; /* the datagrams, one behind the other */
    size_t used;
    unsigned count;
    struct address to[UDP_BATCH];
    struct udp_message messages[UDP_BATCH];
    struct iovec slices[UDP_BATCH];
};

/* What a flush did. */
struct udp_sent {
    unsigned datagrams;
    size_t bytes;
};

bool udp_outbox_init(struct udp_outbox *outbox);
void udp_outbox_clear(struct udp_outbox *outbox);
/* Copies `prefix` and `packet` (together at most SHOAL_MAX_PACKET bytes) into a
 * datagram for `to`. false: there is no room before a flush. */
bool udp_outbox_add(struct udp_outbox *outbox, shoal_bytes prefix,
                    shoal_bytes packet, const struct address *to);
/* Room for a datagram of `size` bytes for `to`, which the caller writes before
 * the next call. NULL: there is none before a flush. */
uint8_t *udp_outbox_take(struct udp_outbox *outbox, size_t size,
                         const struct address *to);
/* The answer to the i-th datagram of the inbox: to its sender, and from the
 * address that it came to, else the sender might not know it for an answer. The
 * inbox must not be received into before the flush. */
bool udp_outbox_reply(struct udp_outbox *outbox, struct udp_inbox *inbox, int i,
                      shoal_bytes packet);
/* Sends them all, each tried once, and empties the outbox. */
struct udp_sent udp_flush(struct udp *udp, struct udp_outbox *outbox,
                          udp_failed_fn *failed, void *context);

#endif
