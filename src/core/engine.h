/* SPDX-License-Identifier: MIT */
/*
 * What an engine is made of, and which file does what with it:
 *
 *   engine.c      around every entry point
 *   connection.c  active or idle
 *   send.c        a packet to somebody; packet.c: how it looks
 *   send_check.c  would a packet hold it
 *   update.c      a claim about a member: does it hold, what follows from it
 *   resume.c      a life before
 *   self.c        who we are: renew, be defunct, leave, be somebody else
 *   accused.c     what others say about us: refute, own our address
 *   verdict.c     what we say about others: tell them, doubt it
 *   cookie.c      does somebody get what we send there
 *   admission.c   may it become one, and how often may it ask
 *   probe.c       the probe cycle: whom to look at, what came of it
 *   look.c        one look at one member
 *   heard.c       who was heard lately
 *   indirect.c    the middle and the far end of indirect probes
 *   suspicion.c   the deadlines of suspect and down members, local health
 *   tasks.c       what is done every so often
 *   digest.c      do others know the same
 *   round.c       we compare what we know with others
 *   exchange.c    ... and how
 *   view.c        what changed, and whether it has come to rest
 *   tags.c        what members say of themselves
 *   fetch.c       ... where no packet holds it
 *   broadcast.c   custom broadcasts
 *   ask.c         what is asked of the embedder
 *   notify.c      events into the effect queue
 *   query.c       read-only answers
 *
 * Above all of these, each in a folder:
 *
 *   entry/        packets, time and config come in: receive.c takes packets,
 *                 life.c makes an engine, ticks and frees it
 *   delivery/     messages to one member, and topics; called through delivery.h
 */
#ifndef SHOAL_CORE_ENGINE_H
#define SHOAL_CORE_ENGINE_H

#include "admission.h"
#include "cookie.h"
#include "delivery.h"
#include "digest.h"
#include "fetch.h"
#include "heard.h"
#include "indirect.h"
#include "probe.h"
#include "round.h"
#include "suspicion.h"
#include "table/backlog.h"
#include "table/effects.h"
#include "table/keys.h"
#include "table/limits.h"
#include "table/members.h"
#include "table/messages_state.h"
#include "table/timers.h"
#include "table/topics_state.h"
#include "tags.h"
#include "tasks.h"
#include "view.h"

enum {
    MAX_DETAIL = 160,
    /* Room to encode one claim: an identity and what a codec puts around it. */
    MAX_CLAIM = 2 * SHOAL_MAX_IDENTITY + 512
};

struct shoal {
    struct mem mem;
    struct rng rng;
    uint64_t hash_key;
    uint64_t secret[2]; /* of the cookies */
    struct jar jar;
    shoal_config config;
    shoal_handlers handlers;

    struct identity *self;
    uint16_t incarnation;
    shoal_connection connection;
    uint64_t since_us;    /* when `connection` or `self` changed last */
    struct entry *queued; /* the claim about our address in `updates` */
    bool queued_is_self;  /* ... and it is about our present identity */
    uint64_t conflict_us; /* when we last contested our address */
    struct {
        uint64_t at_us;    /* when we last took it from somebody newer */
        uint8_t in_a_row;  /* without peace in between */
    } ownership;           /* of our address */
    uint32_t next_verdict; /* "down, i" was reported for every i below it */
    uint64_t accused_us;   /* when we last refuted something; 0: never */
    uint64_t renewed_us;   /* when we last took a new identity; SHOAL_NEVER */
    uint64_t doubted_us;   /* when we last doubted our verdicts */
    struct limits limits;
    struct admission admission;
    struct {
        const struct who *who; /* NULL: not while a packet is handled */
        bool is_active;
        bool has_returned; /* from down, lately: its verdicts are suspicions */
        uint8_t disputes;  /* of our verdicts, in this packet */
        bool tells;        /* a feed or an exchange: its claims are old news */
        bool exchanges;    /* an exchange */
        uint8_t kind;
        bool is_proven;   /* it gets what we send there */
        bool was_asked;   /* by an announce of ours, lately */
        bool echoed;      /* its cookie was sent back */
        uint32_t cookie;  /* ... or is to be; 0: none */
        size_t allowance; /* bytes that it may get, if it is not proven */
    } sender;             /* of the packet at hand */

    struct members members;
    struct view view;
    struct timers timers;
    struct probe probe;
    struct heard heard;
    struct indirect indirect;
    struct digest digest;
    struct round round;
    struct suspicion *spare_suspicion; /* for the next suspect */
    uint32_t health;                   /* our score, 0: fine */
    struct tasks tasks;
    struct backlog updates, items;
    struct backlog own_tagged, tagged; /* claims with tags */
    struct own_tags own_tags;
    size_t tags_held; /* bytes */
    struct fetches fetches;
    struct messages messages;
    struct topics topics;
    struct {
        uint32_t members; /* 0: not known */
        uint8_t times, of_news;
    } transmissions;       /* in a cluster of so many */
    uint32_t unwanted;     /* turns in which nobody wanted `items` */
    struct keys item_keys; /* of `items`, while equal keys invalidate */
    struct effects effects;
    uint64_t learned; /* members that were new to us, renamed, or back; tags */
    uint64_t learned_by_feed; /* when the last feed had been taken in */
    uint32_t quiet_feeds;     /* in a row, with no news since the one before */
    uint32_t quiet_listed;    /* members that these listed */
    uint32_t feed_next; /* where the next feed begins, in members.active */

    uint64_t now_us;
    uint32_t diagnostics;
    bool has_left; /* defunct, because we said so */
    bool asking;   /* a question is on the stack */
    int failed; /* the first error of this entry point that did not stop it */
    char detail[MAX_DETAIL];
    shoal_stats stats;

    struct {
        shoal_update *claims; /* of the packet at hand */
        uint32_t count, capacity;
    } decoded;
};

/* Begins an entry point: 0, or REENTRANT. Moves the clock. */
int engine_enter(shoal *engine, uint64_t now_us);
/* Ends it: the error, or the first one noted on the way. */
int engine_leave(shoal *engine, int error);
/* Notes an error that does not stop the entry point. */
void engine_note(shoal *engine, int error);
/* Counts a drop and returns `error`. */
int engine_drop(shoal *engine, shoal_drop why, int error);
void engine_set_detail(shoal *engine, const char *text);
void engine_add_detail(shoal *engine, const char *text);
void engine_add_number(shoal *engine, size_t number);
/* How often an update is sent, in a cluster of this size. */
uint8_t engine_transmissions(shoal *engine);
/* The same for members that come or go, and for broadcasts. */
uint8_t engine_news_transmissions(shoal *engine);
/* The connection state after members came or went. */
void engine_update_connection(shoal *engine);

/* Can a verdict be refuted? Not in plain SWIM, and not where the codec is one
 * of another system. */
static inline bool engine_heals(const shoal *engine)
{
    return engine->config.notify_down_members &&
           engine->handlers.codec.lifeguard;
}
/* Do we doubt ourselves as well as others? */
static inline bool engine_has_lifeguard(const shoal *engine)
{
    return engine->config.max_local_health > 0 &&
           engine->handlers.codec.lifeguard;
}
/* Our own tags, as others hear of them. */
static inline const struct tags *engine_tags(const shoal *engine)
{
    if (engine->own_tags.said)
        return engine->own_tags.said;
    return engine->handlers.codec.lifeguard ? TAGS_NONE : NULL;
}
/* Is it the turn of `peer` (a hash of its address)? Then this was it. */
static inline bool engine_may(shoal *engine, enum limit what, uint32_t peer,
                              uint64_t every_us)
{
    return limits_pass(&engine->limits, what, peer, engine->now_us, every_us);
}
/* Is it time again? Then this was it. */
static inline bool engine_may_again(shoal *engine, enum common_limit what,
                                    uint64_t every_us)
{
    return limits_pass_common(&engine->limits, what, engine->now_us, every_us);
}

#endif
