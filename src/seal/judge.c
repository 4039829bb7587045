/* SPDX-License-Identifier: MIT */
/* Packets that are authentic: which of them are fresh, and how that is shown.
 */
#include "seal_parts.h"

#include "../base/bytes.h"
#include "challenge.h"

#include <string.h>

enum { MOST_ANSWERS = 10 /* a second and address, when there are too many */ };

static struct challenge challenge_of(const struct seal *seal,
                                     const struct seal_opened *opened)
{
    return (struct challenge){
        .secret = seal->secret,
        .session = opened->session,
        .from = opened->from,
        .now_ms = (uint32_t)((opened->time.now_us - seal->start_us) / 1000)};
}

static void reply(struct seal *seal, const struct seal_opened *opened,
                  enum flags flags, const uint8_t *cookie,
                  struct seal_arrival *arrival)
{
    seal_write(seal, opened->time, opened->key, flags,
               bytes_of(cookie, SEAL_COOKIE), arrival->reply);
    arrival->reply_size = SEAL_REPLY;
}

/* ---- Judging what is authentic ---- */

/* Sealed after our start: by our clock as it is now and, should that have been
 * set back, as it was then. */
static bool is_fresh_by_clock(const struct seal *seal,
                              const struct seal_opened *opened)
{
    int64_t ahead_us =
        (int64_t)(opened->time_ms * 1000) - (int64_t)opened->time.wall_us;
    int64_t skew_us = (int64_t)seal->skew_us;
    int64_t ran_us = (int64_t)(opened->time.now_us - seal->start_us);

    return skew_us > 0 && ahead_us <= skew_us && ahead_us >= -skew_us &&
           ran_us + ahead_us >= skew_us &&
           opened->time_ms * 1000 >= seal->start_wall_us + seal->skew_us &&
           opened->time_ms > seal->sessions.floor_ms;
}

static struct challenged_sender sender_of(const struct seal *seal,
                                          const struct seal_opened *opened)
{
    uint64_t both[1 + CRYPTO_SESSION / 8];

    both[0] = seal_hash_of(seal, opened->from);
    memcpy(both + 1, opened->session, CRYPTO_SESSION);
    return (struct challenged_sender){
        .hash = crypto_mac(seal->secret, both, sizeof both),
        .address = both[0]};
}

static void ask(struct seal *seal, const struct seal_opened *opened,
                struct seal_arrival *arrival)
{
    struct challenge asks = challenge_of(seal, opened);
    uint8_t cookie[SEAL_COOKIE];

    challenge_write(&asks, asks.now_ms, cookie);
    reply(seal, opened, FLAGS_CHALLENGE, cookie, arrival);
    seal->counts.challenges++;
}

/* It waits for its sender's proof, which is asked for unless that was done just
 * now. A packet that is smaller than the question gets none. */
static seal_verdict challenge(struct seal *seal,
                              const struct seal_opened *opened,
                              struct seal_arrival *arrival)
{
    bool asked = false, waits = false;
    enum challenged_verdict may = CHALLENGED_NOT_AGAIN;

    if (opened->packet.size < SEAL_COOKIE)
        return SEAL_UNPROVEN;
    if (opened->time_ms > seal->sessions.floor_ms)
        waits = waiting_put(&seal->held, opened->session, opened->counter,
                            opened->time_ms, opened->time.now_us,
                            opened->packet, &asked);
    if (!asked)
        may = challenged_may(&seal->challenged, sender_of(seal, opened),
                             opened->counter, opened->time.now_us);
    if (may == CHALLENGED_ASK)
        ask(seal, opened, arrival);
    arrival->is_limited = may == CHALLENGED_TOO_MANY;
    seal->counts.challenges_dropped += arrival->is_limited;
    return waits ? SEAL_TAKEN : SEAL_UNPROVEN;
}

/* Only of what is fresh: or whoever repeats a packet from elsewhere could have
 * us speak to others with a key that they have removed. */
static void note_speaker(struct seal *seal, const struct seal_opened *opened)
{
    bool is_ours = opened->is_yours || opened->key == &seal->keys.list[0];
    uint64_t now_us = opened->time.now_us;
    uint64_t hash;
    uint8_t id[2];

    if (seal->keys.count < 2 ||
        (is_ours && speakers_are_over(&seal->speakers, now_us)))
        return;
    hash = seal_hash_of(seal, opened->from);
    if (!is_ours)
        speakers_note(&seal->speakers, hash, opened->key->id,
                      now_us + SPEAKERS_US);
    else if (speakers_find(&seal->speakers, hash, now_us, id))
        speakers_note(&seal->speakers, hash, id, 0);
}

/* What has overtaken the answer is not below the window that begins with it:
 * without this it could come once more. */
static void accept_held(struct seal *seal, const struct seal_opened *answer)
{
    struct session *session = sessions_find(&seal->sessions, answer->session);
    const struct seal_held *held = seal->held.proven;

    for (; session && held; held = held->next)
        if (memcmp(held->session, answer->session, CRYPTO_SESSION) == 0 &&
            session_is_fresh(session, held->counter))
            sessions_accept(&seal->sessions, session, held->counter,
                            held->time_ms, answer->time.now_us);
}

static seal_verdict take_answer(struct seal *seal,
                                const struct seal_opened *opened)
{
    struct challenge asked = challenge_of(seal, opened);
    uint32_t issued_ms;

    if (!challenge_is_ours(&asked, opened->packet, &issued_ms))
        return SEAL_UNPROVEN;
    if (!sessions_add(&seal->sessions, opened->session, opened->counter,
                      opened->time_ms, opened->time.now_us))
        return SEAL_UNPROVEN;
    challenged_answered(&seal->challenged, sender_of(seal, opened));
    waiting_prove(&seal->held, opened->session,
                  waiting_first_fresh_ms(seal->sessions.floor_ms,
                                         opened->time_ms, issued_ms),
                  opened->time_ms);
    accept_held(seal, opened);
    note_speaker(seal, opened);
    return SEAL_TAKEN;
}

static seal_verdict answer(struct seal *seal, const struct seal_opened *opened,
                           struct seal_arrival *arrival)
{
    if (opened->packet.size == SEAL_COOKIE)
        reply(seal, opened, FLAGS_ANSWER, opened->packet.data, arrival);
    return SEAL_TAKEN;
}

/* Each once, in the order in which they were sealed. There is no limit besides:
 * whoever has others challenged and sends it here would use it up. */
static seal_verdict answer_unknown(struct seal *seal,
                                   const struct seal_opened *opened,
                                   struct seal_arrival *arrival)
{
    struct sessions *askers = &seal->askers;
    struct session *session = sessions_find(askers, opened->session);
    uint64_t now_us = opened->time.now_us;

    if (session && !session_is_fresh(session, opened->counter))
        return SEAL_REPLAYED;
    if (session)
        sessions_accept(askers, session, opened->counter, opened->time_ms,
                        now_us);
    else if (!sessions_add(askers, opened->session, opened->counter,
                           opened->time_ms, now_us) &&
             !pace_allows(&seal->answers, seal_hash_of(seal, opened->from),
                          now_us, MOST_ANSWERS))
        return SEAL_UNPROVEN;
    return answer(seal, opened, arrival);
}

static seal_verdict judge_known(struct seal *seal, struct session *session,
                                const struct seal_opened *opened,
                                struct seal_arrival *arrival)
{
    sessions_accept(&seal->sessions, session, opened->counter, opened->time_ms,
                    opened->time.now_us);
    if (opened->counter == session->highest) /* none that was overtaken */
        note_speaker(seal, opened);
    if (opened->flags == FLAGS_CHALLENGE)
        return answer(seal, opened, arrival);
    if (opened->flags == FLAGS_ANSWER)
        return SEAL_TAKEN;
    arrival->packet = opened->packet;
    return SEAL_PACKET;
}

/* A challenge is answered, whoever asks: it changes nothing here. */
static seal_verdict judge_unknown(struct seal *seal,
                                  const struct seal_opened *opened,
                                  struct seal_arrival *arrival)
{
    if (opened->flags == FLAGS_CHALLENGE)
        return answer_unknown(seal, opened, arrival);
    if (opened->flags == FLAGS_ANSWER)
        return take_answer(seal, opened);
    if (!is_fresh_by_clock(seal, opened))
        return challenge(seal, opened, arrival);
    if (!sessions_add(&seal->sessions, opened->session, opened->counter,
                      opened->time_ms, opened->time.now_us))
        return SEAL_UNPROVEN;
    note_speaker(seal, opened);
    arrival->packet = opened->packet;
    return SEAL_PACKET;
}

seal_verdict seal_judge(struct seal *seal, struct session *session,
                        const struct seal_opened *opened,
                        struct seal_arrival *arrival)
{
    return session ? judge_known(seal, session, opened, arrival)
                   : judge_unknown(seal, opened, arrival);
}
