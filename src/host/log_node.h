/* SPDX-License-Identifier: MIT */
/*
 * Tells the log what a node goes through.
 *
 *   warn   what an operator should look at: our address claimed by another,
 *          names that cannot be resolved, sends that the system refuses,
 *          seeds none of which answers
 *   info   started, active, idle, defunct, rejoin; members up, down and
 *          renamed; drops, at most once a minute for each reason
 *   debug  each decision of the protocol: probes, suspicions, refutations,
 *          feeds, announcements to seeds
 *   trace  each packet
 *
 * What the engine tells is told by log_engine.h.
 */
#ifndef SHOAL_HOST_LOG_NODE_H
#define SHOAL_HOST_LOG_NODE_H

#include "../base/address.h"
#include "../base/log.h"
#include "host.h"
#include "log_engine.h"

enum {
    LOG_NODE_NUM_DROPS = SHOAL_NUM_DROPS + HOST_NUM_DROPS,
    LOG_NODE_ERRORS = 8, /* kinds of send errors told apart */
    LOG_NODE_PATHS = 64  /* of which it is remembered that they are too small */
};

struct log_node {
    uint64_t drops_checked_us;
    struct log_node_drops {
        uint64_t told, told_us;
    } drops[LOG_NODE_NUM_DROPS];
    struct log_node_error {
        int number; /* an errno; 0: free */
        log_gate gate;
    } errors[LOG_NODE_ERRORS];
    struct log_node_refused {
        int error;              /* a shoal_error; 0: none yet */
        char detail[ERROR_MAX]; /* "": there is nothing to say of it */
    } refused;                  /* the last packet that was */
    log_gate receive_errors, unwatched, names, claimants, small_paths,
        foreign_keys, not_allowed, challenges;
    struct address too_small[LOG_NODE_PATHS];
    unsigned num_too_small;
    struct log_engine engine;
};

void log_node_started(host *node);
void log_node_closed(host *node);
/* An effect: a notification, or (at debug and trace) a packet sent. */
void log_node_effect(host *node, const shoal_effect *effect);
/* The engine has refused a packet. What it says of it comes with the counters.
 */
void log_node_refused(host *node, int error);
/* The counters of drops, looked at when something was dropped, and else (a
 * packet for somebody else is no error) once a second at most. */
void log_node_drops(host *node, uint64_t now_us);
/* A packet with an unknown key came from there (NULL: that is not known). */
void log_node_foreign_key(host *node, const struct address *from);
/* One came from there, outside of the allowed networks. */
void log_node_not_allowed(host *node, const struct address *from);
/* Unknown senders there (NULL: that is not known) are not challenged any more
 * in this second. */
void log_node_challenges(host *node, const struct address *from);
void log_node_send_error(host *node, const struct address *to, int number);
/* The system does not send so large a packet there: once for each address. */
void log_node_too_large(host *node, const struct address *to);
/* Packets of that size do not arrive at a member, small ones do. */
void log_node_small_path(host *node, shoal_bytes endpoint, size_t size);
void log_node_receive_error(host *node, int number);
/* The loop cannot watch the socket; the errno, or 0. */
void log_node_unwatched(host *node, int number);
/* The socket works again. */
void log_node_recovered(host *node);
/* It never will. */
void log_node_failed(host *node, const char *error);
void log_node_unresolved_name(host *node, const char *name, const char *error);
/* A seed was announced to at that address, or why it was not: a warning, unless
 * `gate` is NULL. */
void log_node_seed(host *node, const char *endpoint, const char *address);
void log_node_lost_seed(host *node, log_gate *gate, const char *endpoint,
                        const char *error);
/* A member of a former life was asked. */
void log_node_recalled(host *node, const char *address);
/* `seeds` were asked a while ago, and nobody is known: a warning the `first`
 * time. */
void log_node_silence(host *node, const char *seeds, bool first,
                      bool was_answered);
/* Another node, at `from`, has our address and gets the packets for it; it does
 * no longer; and one that does not get them was heard. */
void log_node_rival(host *node, shoal_bytes id, const struct address *from);
void log_node_rival_gone(host *node);
void log_node_claimant(host *node, shoal_bytes id, const struct address *from);

/* There is no deputy, for a reason that errno would tell. */
void log_node_no_deputy(host *node, int number);
/* The deputy stood in while a handler ran for so long. */
void log_node_deputy(host *node, double seconds);

#endif
