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
    NARRATE_NUM_DROPS = SHOAL_NUM_DROPS + HOST_NUM_DROPS,
    NARRATE_ERRORS = 8, /* kinds of send errors told apart */
    NARRATE_PATHS = 64  /* of which it is remembered that they are too small */
};

struct narrator {
    uint64_t drops_checked_us;
    struct narrate_drops {
        uint64_t told, told_us;
    } drops[NARRATE_NUM_DROPS];
    struct narrate_error {
        int number; /* an errno; 0: free */
        log_gate gate;
    } errors[NARRATE_ERRORS];
    struct narrate_refused {
        int error;                   /* a shoal_error; 0: none yet */
        char detail[HOST_MAX_ERROR]; /* "": there is nothing to say of it */
    } refused;                       /* the last packet that was */
    log_gate receive_errors, unwatched, names, claimants, small_paths;
    struct address too_small[NARRATE_PATHS];
    unsigned num_too_small;
    struct engine_narrator engine;
};

void narrate_started(host *node);
void narrate_closed(host *node);
/* An effect: a notification, or (at debug and trace) a packet sent. */
void narrate_effect(host *node, const shoal_effect *effect);
/* The engine has refused a packet. What it says of it comes with the counters.
 */
void narrate_refused(host *node, int error);
/* The counters of drops, looked at when something was dropped, and else (a
 * packet for somebody else is no error) once a second at most. */
void narrate_drops(host *node, uint64_t now_us);
void narrate_send_error(host *node, const struct address *to, int number);
/* The system does not send so large a packet there: once for each address. */
void narrate_too_large(host *node, const struct address *to);
/* Packets of that size do not arrive at a member, small ones do. */
void narrate_small_path(host *node, shoal_bytes endpoint, size_t size);
void narrate_receive_error(host *node, int number);
/* The loop cannot watch the socket; the errno, or 0. */
void narrate_unwatched(host *node, int number);
/* The socket works again. */
void narrate_recovered(host *node);
/* It never will. */
void narrate_failed(host *node, const char *error);
void narrate_unresolved_name(host *node, const char *name, const char *error);
/* A seed was announced to at that address, or why it was not: a warning, unless
 * `gate` is NULL. */
void narrate_seed(host *node, const char *endpoint, const char *address);
void narrate_lost_seed(host *node, log_gate *gate, const char *endpoint,
                       const char *error);
/* `seeds` were asked a while ago, and nobody is known: a warning the `first`
 * time. */
void narrate_silence(host *node, const char *seeds, bool first);
/* Another node, at `from`, has our address and gets the packets for it; it does
 * no longer; and one that does not get them was heard. */
void narrate_rival(host *node, shoal_bytes id, const struct address *from);
void narrate_rival_gone(host *node);
void narrate_claimant(host *node, shoal_bytes id, const struct address *from);

/* There is no deputy, for a reason that errno would tell. */
void narrate_no_deputy(host *node, int number);
/* The deputy stood in while a handler ran for so long. */
void narrate_deputy(host *node, double seconds);

#endif
