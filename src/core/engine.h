/* SPDX-License-Identifier: MIT */
/*
 * What an engine is made of, and which file does what with it:
 *
 *   engine.c      construct, free, the small entry points
 *   receive.c     a packet: accept or refuse, then one function per message
 *   send.c        a packet to somebody: header, claims, broadcasts
 *   update.c      a claim about a member: does it hold, what follows from it
 *   lookahead.c   who sends many packets, what many claims are about: into the
 *                 cache
 *   self.c        who we are: renew, be defunct, leave, be somebody else
 *   accused.c     what others say about us: refute, own our address
 *   verdict.c     what we say about others: tell them, doubt it
 *   probe.c       the probe cycle: whom to look at, what came of it
 *   look.c        one look at one member
 *   heard.c       who was heard lately
 *   indirect.c    the middle and the far end of indirect probes
 *   suspicion.c   the deadlines of suspect and down members, local health
 *   tasks.c       what is done every so often
 *   digest.c      who knows more members
 *   broadcast.c   custom broadcasts
 *   ask.c         what is asked of the embedder
 *   notify.c      events into the effect queue
 *   query.c       read-only answers
 */
#ifndef SHOAL_CORE_ENGINE_H
#define SHOAL_CORE_ENGINE_H

#include "backlog.h"
#include "digest.h"
#include "effects.h"
#include "heard.h"
#include "indirect.h"
#include "keys.h"
#include "limits.h"
#include "members.h"
#include "probe.h"
#include "suspicion.h"
#include "tasks.h"
#include "timers.h"

enum {
    MAX_DETAIL = 160,
    /* Room to encode one claim: an identity and what a codec puts around it. */
    MAX_CLAIM = 2 * SHOAL_MAX_IDENTITY + 512
};

struct shoal {
    struct mem mem;
    struct rng rng;
    uint64_t hash_key;
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
    uint64_t renewed_us;   /* when we last took a new identity; SHOAL_NEVER */
    uint64_t doubted_us;   /* when we last doubted our verdicts */
    struct limits limits;
    struct {
        const struct who *who; /* NULL: not while a packet is handled */
        bool is_active;
        bool has_returned; /* from down, lately: its verdicts are suspicions */
        uint8_t told;      /* verdicts that this packet has caused */
    } sender;              /* of the packet at hand */

    struct members members;
    struct timers timers;
    struct probe probe;
    struct heard heard;
    struct indirect indirect;
    struct digest digest;
    struct suspicion *spare_suspicion; /* for the next suspect */
    uint32_t health;                   /* our score, 0: fine */
    struct tasks tasks;
    struct backlog updates, items;
    struct {
        uint32_t members; /* 0: not known */
        uint8_t times, of_news;
    } transmissions;       /* in a cluster of so many */
    uint32_t unwanted;     /* turns in which nobody wanted `items` */
    struct keys item_keys; /* of `items`, while equal keys invalidate */
    struct effects effects;
    uint64_t learned; /* members that were new to us, renamed, or back */
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

/* ---- engine.c ---- */

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

/* ---- ask.c ---- */

/* Who is `id`? Fills `who`; 0, IDENTITY (it is no identity, or the question
 * failed). Costs no question when we know it. */
int ask_who(shoal *engine, shoal_bytes id, struct who *who);
/* `who` borrowing from an identity we hold. */
void who_from(struct who *who, const struct identity *identity);
/* Does `id` replace `adversary`, which has the same address? A question that
 * fails is a no. */
bool ask_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary);
/* 0, LOSES, or IDENTITY when the question failed. */
int ask_check_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary);
/* An identity to come back with, that wins against ours and against `adversary`
 * (empty: nobody): true and `who` (which borrows from `buffer`,
 * SHOAL_MAX_IDENTITY bytes). */
bool ask_renew(shoal *engine, shoal_bytes adversary, uint8_t *buffer,
               struct who *who);
/* 1 and `*key`, 0, or an error. */
int ask_receive(shoal *engine, shoal_bytes data, shoal_bytes sender,
                shoal_bytes *key);
bool ask_invalidates(shoal *engine, shoal_bytes key, shoal_bytes other);
bool ask_wanted_by(shoal *engine, const struct member *member);
int ask_encode_header(shoal *engine, const shoal_header *header, uint8_t *out,
                      size_t room, size_t *size);
int ask_decode_header(shoal *engine, shoal_bytes packet, shoal_header *header,
                      size_t *used);
int ask_encode_member(shoal *engine, const shoal_update *claim, uint8_t *out,
                      size_t room, size_t *size);
int ask_decode_member(shoal *engine, shoal_bytes bytes, shoal_update *claim,
                      size_t *used);

/* ---- notify.c ---- */

/* What notify_member() takes at most for somebody with these bytes. */
size_t notify_size(shoal_bytes id, shoal_bytes addr, shoal_bytes endpoint,
                   shoal_bytes before);
/* Room for `times` notifications about `who`, and as much about ourselves. */
bool notify_reserve(shoal *engine, const struct who *who, shoal_bytes before,
                    unsigned times);
/* These cannot fail once there is room; else (diagnostics) they are lost. */
void notify_member(shoal *engine, shoal_event event,
                   const struct member *member, shoal_bytes before);
void notify_self(shoal *engine, shoal_event event);
/* Somebody who need not be a member: `view` is copied. */
void notify_view(shoal *engine, shoal_event event, const shoal_member *view);
/* `view` claims our address. */
void notify_conflict(shoal *engine, const shoal_member *view);
/* An item of `size` bytes was given up. */
void notify_dropped(shoal *engine, shoal_drop why, size_t size);
void notify_packet(shoal *engine, shoal_event event, shoal_bytes id,
                   uint8_t message, uint32_t updates, size_t size);

/* ---- send.c ---- */

/* What a codec puts around the identities in a header and a claim, at the most.
 */
enum { SEND_OVERHEAD = 32 };

/* Sends one message. A packet that cannot be built is noted, and counted by
 * nobody else: a failed send is a missed answer. */
void send_message(shoal *engine, const struct who *to, shoal_message kind,
                  uint8_t number, shoal_bytes peer);
void send_to_member(shoal *engine, struct member *to, shoal_message kind,
                    uint8_t number, shoal_bytes peer);
/* A gossip that begins with `claim`. */
void send_claim(shoal *engine, const struct identity *to,
                const shoal_update *claim);
/* A gossip with `claim` (NULL: none) and nothing else. */
void send_bare_gossip(shoal *engine, const struct who *to,
                      const shoal_update *claim);
/* A message of that kind with nothing behind its header. */
void send_bare(shoal *engine, const struct who *to, shoal_message kind,
               uint8_t number);
/* Does a packet hold the largest that we send to and about `id`, if that is
 * ours, or somebody else's? 0, TOO_BIG (with a detail) or CODEC. */
int send_check_identity(shoal *engine, shoal_bytes id, bool is_ours);
/* A gossip that lists active members of a bucket, as many as there is room
 * for; the next one goes on with others. */
void send_bucket(shoal *engine, const struct identity *to, uint32_t bucket);
/* A gossip to up to `fanout` random active members. */
void send_gossip(shoal *engine, uint32_t fanout);
/* Broadcasts in messages of that kind to up to `fanout` random members that
 * want them, as long as any wait. How many copies went out. */
uint32_t send_items(shoal *engine, uint32_t fanout, shoal_message kind);
/* An announce to up to `count` random active members. */
void send_announces(shoal *engine, uint32_t count);
/* The same to down ones that may be back. */
void send_announces_to_down(shoal *engine, uint32_t count);

/* ---- update.c ---- */

/* Takes a claim, which is about `maybe` if that has its identity (NULL: no
 * idea). With `queue`, what it changes waits to be gossiped. 0 (also when it
 * changed nothing), NOMEM, IDENTITY or FULL; the last two are counted. */
int update_apply(shoal *engine, const shoal_update *claim, struct member *maybe,
                 bool queue);
/* The same when the one it is about was looked up already. */
int update_apply_to(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue);
/* Takes a claim about a known member that was found to hold. 0 or NOMEM. */
int update_member(shoal *engine, struct member *member,
                  const shoal_update *claim, bool queue);
/* Takes a claim about a known member, if it holds or confirms what we believe.
 * 0 or NOMEM. */
int update_known(shoal *engine, struct member *member,
                 const shoal_update *claim, bool queue);
/* Puts a claim into the backlog, to be sent that many times, instead of what
 * *owner points at. A codec that fails is noted. 0 or NOMEM. */
int update_queue(shoal *engine, const shoal_update *claim,
                 uint32_t transmissions, struct entry **owner);
/* Forgets a member and what waits about it; a down one that was known to be
 * alive with an event. false: no memory for that, nothing changed. */
bool update_forget(shoal *engine, struct member *member);

/* ---- lookahead.c ---- */

enum {
    AHEAD = 32,      /* lookups at the same time */
    AHEAD_STEPS = 4, /* of a lookup */
    AHEAD_STEP = 4   /* claims between two of them, when there are as many */
};

struct lookup {
    uint32_t hash;
    struct member *found;
};

/* Claims that are about to be taken, one after the other. */
struct ahead {
    const shoal *engine;
    const shoal_update *claims;
    size_t count, at, step;
    struct lookup lookups[AHEAD];
};

/* Like ahead_next() changes nothing but what is in the cache. `claims` are
 * borrowed until the last of them was taken. */
void ahead_begin(struct ahead *ahead, const shoal *engine,
                 const shoal_update *claims, size_t count);
/* To be called once for each claim: who it is about in all likelihood, or NULL,
 * for update_apply(). */
struct member *ahead_next(struct ahead *ahead);

/* ---- self.c ---- */

/* Queues a claim about our address, instead of the one that waits. */
int self_queue_claim(shoal *engine, const shoal_update *claim,
                     enum urgency urgency);
/* Takes another identity, that wins against `adversary` (empty: nobody), or
 * says that there is none. 0, NOMEM, or LOSES. */
int self_renew(shoal *engine, shoal_bytes adversary, bool queue);
/* The cluster has declared us down: renew, or be defunct. 0 or NOMEM. */
int self_declared_down(shoal *engine, bool queue);

/* ---- accused.c ---- */

/* A claim about our own identity. 0 or NOMEM. */
int accused_hear(shoal *engine, const shoal_update *claim, bool queue);
/* A claim about another identity with our address. 0 or NOMEM. */
int accused_contest(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue);
/* A packet came that is for `dst`, another identity of our address: whoever
 * gets the traffic owns the address. 0 or NOMEM. */
int accused_overhear(shoal *engine, shoal_bytes dst);
/* Tells the sender of that packet who is here. */
void accused_answer(shoal *engine, const shoal_header *header);
/* A turn_undead came. 0 or NOMEM. */
int accused_turn_undead(shoal *engine, struct identity *sender);

/* ---- verdict.c ---- */

/* Tells `to` what is believed of it, in answer to its packet; it is down or has
 * lost its address. */
void verdict_answer(shoal *engine, const struct who *to);
/* Tells a down member that it is. false: it was told lately, or nobody is. */
bool verdict_tell(shoal *engine, const struct member *member);
/* Somebody takes that down member for alive: tells the member. */
void verdict_disputed(shoal *engine, const struct member *member);
/* We have come to know that we were taken for down ourselves: what we believed
 * meanwhile may be as wrong. Suspicions begin anew, verdicts that wait are not
 * told, and those that we hold are doubted. */
void verdict_doubt_all(shoal *engine);
/* Does a claim override what we believe? A doubt lasts for as long as the
 * longest suspicion: by then somebody has told us of all that are alive, and
 * what is said later may be older than the verdict. */
bool verdict_yields(const shoal *engine, struct member *member,
                    const shoal_update *claim);

/* ---- broadcast.c ---- */

/* Checks a list of items: 0 or MALFORMED. */
int broadcast_check(shoal_bytes items);
/* It is the periodic gossip's turn, and nothing but items waits. */
void broadcast_turn(shoal *engine);
/* Hands each item of a checked list to the handler. 0 or NOMEM. */
int broadcast_receive(shoal *engine, shoal_bytes items, shoal_bytes sender);

#endif
