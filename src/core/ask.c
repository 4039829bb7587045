/* SPDX-License-Identifier: MIT */
/* Every call out of the engine, with what is believed of the answer. */
#include "ask.h"

#include "../wire/wire.h"
#include "engine.h"
#include "send.h"

/* The reentrancy guard around a call. */
#define ASK(engine, result, call)                                              \
    do {                                                                       \
        bool asking_ = (engine)->asking;                                       \
        (engine)->asking = true;                                               \
        (result) = (call);                                                     \
        (engine)->asking = asking_;                                            \
    } while (0)

void who_from(struct who *who, const struct identity *identity)
{
    who->id = identity_id(identity);
    who->addr = identity_addr(identity);
    who->endpoint = identity_endpoint(identity);
    who->hash = identity->hash;
    who->wire_hash = identity->wire_hash;
    who->addr_hash = identity->addr_hash;
    who->member = NULL;
}

static bool is_within(shoal_bytes part, const uint8_t *whole, size_t size)
{
    uintptr_t start = (uintptr_t)whole, at = (uintptr_t)part.data;
    return at >= start && at + part.size <= start + size;
}

/* An answer is good until the next question, we need it for longer: copy it,
 * unless it is part of the identity or was written to where we asked for it. */
static bool keep_answer(const struct who *who, shoal_bytes *answer,
                        uint8_t *copy, size_t min_size)
{
    if (answer->size < min_size || answer->size > IDENTITY_MAX_ANSWER)
        return false;
    if (is_within(*answer, who->id.data, who->id.size) ||
        is_within(*answer, who->room, sizeof who->room))
        return true;
    bytes_copy(copy, *answer);
    answer->data = copy;
    return true;
}

static int ask_addr(shoal *engine, struct who *who)
{
    const shoal_identity_questions *ask = &engine->handlers.identity;
    who->addr = who->endpoint = (shoal_bytes){0};
    int error;
    ASK(engine, error,
        ask->addr(ask->context, who->id, who->room, &who->addr,
                  &who->endpoint));
    if (error != 0)
        return SHOAL_ERR_IDENTITY;
    if (!keep_answer(who, &who->addr, who->copies, 1) ||
        !keep_answer(who, &who->endpoint, who->copies + IDENTITY_MAX_ANSWER, 0))
        return SHOAL_ERR_IDENTITY;
    who->addr_hash = bytes_hash(who->addr, engine->hash_key);
    return 0;
}

int ask_who(shoal *engine, shoal_bytes id, struct who *who)
{
    if (id.size == 0 || id.size > SHOAL_MAX_IDENTITY) {
        engine_set_detail(engine, "an identity must have 1 to 512 bytes");
        return SHOAL_ERR_IDENTITY;
    }
    if (engine->self && bytes_equal(id, identity_id(engine->self))) {
        who_from(who, engine->self);
        return 0;
    }
    who->hash = bytes_hash(id, engine->hash_key);
    struct member *member = members_find_id(&engine->members, id, who->hash);
    if (member) {
        who_from(who, member->identity);
        who->member = member;
        return 0;
    }
    who->id = id;
    who->wire_hash = wire_hash(id);
    who->member = NULL;
    int error = ask_addr(engine, who);
    if (error)
        engine_set_detail(engine, "the identity has no usable address");
    return error;
}

int ask_check_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary)
{
    const shoal_identity_questions *ask = &engine->handlers.identity;
    int answer;
    ASK(engine, answer, ask->wins(ask->context, id, adversary));
    if (answer >= 0)
        return answer > 0 ? 0 : SHOAL_ERR_LOSES;
    engine_set_detail(
        engine, "the identity functions did not decide which identity wins");
    return SHOAL_ERR_IDENTITY;
}

bool ask_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary)
{
    return ask_check_wins(engine, id, adversary) == 0;
}

/* The renewal of `from`, if it wins against that; else empty. */
static shoal_bytes renewal(shoal *engine, shoal_bytes from,
                           shoal_bytes adversary, uint8_t *buffer)
{
    const shoal_identity_questions *ask = &engine->handlers.identity;
    size_t size = 0;
    int answer;
    ASK(engine, answer,
        ask->renew(ask->context, from, adversary, buffer, &size));
    if (answer <= 0 || size == 0 || size > SHOAL_MAX_IDENTITY)
        return (shoal_bytes){0};
    shoal_bytes id = bytes_of(buffer, size);
    bool is_newer = !bytes_equal(id, from) && ask_wins(engine, id, from);
    return is_newer ? id : (shoal_bytes){0};
}

/* A handler that knows of no adversary takes a step at a time to get past it.
 * Asked once in a while only (accused.c), so many do not hurt. */
enum { MAX_RENEWALS = 1024 };

bool ask_renew(shoal *engine, shoal_bytes adversary, uint8_t *buffer,
               struct who *who)
{
    uint8_t steps[2][SHOAL_MAX_IDENTITY];
    shoal_bytes id = identity_id(engine->self);
    bool wins = false;
    for (int i = 0; i < MAX_RENEWALS && !wins; i++) {
        id = renewal(engine, id, adversary, steps[i % 2]);
        if (id.size == 0)
            return false;
        wins = adversary.size == 0 || ask_wins(engine, id, adversary);
    }
    bytes_copy(buffer, id);
    id.data = buffer;
    return wins && send_check_identity(engine, id, true) == 0 &&
           ask_who(engine, id, who) == 0;
}

int ask_receive(shoal *engine, shoal_bytes data, shoal_bytes sender,
                shoal_bytes *key)
{
    const shoal_broadcast_questions *ask = &engine->handlers.broadcast;
    *key = (shoal_bytes){0};
    int answer;
    ASK(engine, answer, ask->receive(ask->context, data, sender, key));
    if (answer > 0 && key->size > UINT16_MAX)
        return SHOAL_ERR_BROADCAST;
    return answer > 0 ? 1 : answer;
}

/* A failing question about an item is a no, and counted. */
static bool is_yes(shoal *engine, int answer)
{
    if (answer < 0)
        engine_drop(engine, SHOAL_DROP_BROADCAST, answer);
    return answer > 0;
}

bool ask_invalidates(shoal *engine, shoal_bytes key, shoal_bytes other)
{
    const shoal_broadcast_questions *ask = &engine->handlers.broadcast;
    int answer;
    ASK(engine, answer, ask->invalidates(ask->context, key, other));
    return is_yes(engine, answer);
}

bool ask_wanted_by(shoal *engine, const struct member *member)
{
    const shoal_broadcast_questions *ask = &engine->handlers.broadcast;
    if (!ask->wanted_by)
        return true;
    shoal_member view = member_view(member);
    int answer;
    ASK(engine, answer, ask->wanted_by(ask->context, &view));
    return is_yes(engine, answer);
}

bool ask_admit(shoal *engine, const struct who *who)
{
    const shoal_admission_questions *ask = &engine->handlers.admission;
    if (!ask->admit)
        return true;
    int answer;
    ASK(engine, answer, ask->admit(ask->context, who->id, who->endpoint));
    return answer > 0;
}

bool ask_check_tags(shoal *engine, const struct member *member,
                    shoal_bytes tags)
{
    const shoal_tags_questions *ask = &engine->handlers.tags;
    if (!ask->check)
        return true;
    shoal_member view = member_view(member);
    int answer;
    ASK(engine, answer, ask->check(ask->context, &view, tags));
    return answer > 0;
}

static const char *codec_detail(const shoal *engine)
{
    const shoal_codec *codec = &engine->handlers.codec;
    const char *detail =
        codec->error_detail ? codec->error_detail(codec->context) : NULL;
    return detail ? detail : "";
}

/* What a codec may answer; everything else is its failure. */
static int codec_error(shoal *engine, int error, size_t size, size_t room)
{
    if (error == 0 && size <= room)
        return 0;
    if (error == SHOAL_ERR_TOO_BIG || error == SHOAL_ERR_NOMEM)
        return error;
    engine_set_detail(engine, error == 0
                                  ? "it consumed more bytes than the packet has"
                                  : codec_detail(engine));
    if (error == SHOAL_ERR_MALFORMED || error == SHOAL_ERR_UNSUPPORTED)
        return error;
    return SHOAL_ERR_CODEC;
}

int ask_encode_header(shoal *engine, const shoal_header *header, uint8_t *out,
                      size_t room, size_t *size)
{
    const shoal_codec *codec = &engine->handlers.codec;
    int error;
    *size = 0;
    ASK(engine, error,
        codec->encode_header(codec->context, header, out, room, size));
    return codec_error(engine, error, *size, room);
}

static bool is_identity(shoal_bytes id)
{
    return id.size > 0 && id.size <= SHOAL_MAX_IDENTITY;
}

int ask_decode_header(shoal *engine, shoal_bytes packet, shoal_header *header,
                      size_t *used)
{
    const shoal_codec *codec = &engine->handlers.codec;
    *header = (shoal_header){0};
    *used = 0;
    int error;
    ASK(engine, error,
        codec->decode_header(codec->context, packet, header, used));
    error = codec_error(engine, error, *used, packet.size);
    if (error)
        return error;
    if (header->kind >= SHOAL_NUM_MESSAGES)
        return SHOAL_ERR_UNSUPPORTED;
    if (!is_identity(header->src) || header->dst.size > SHOAL_MAX_IDENTITY ||
        (wire_has_peer(header->kind) && !is_identity(header->peer)))
        return SHOAL_ERR_MALFORMED;
    return 0;
}

int ask_encode_member(shoal *engine, const shoal_update *claim, uint8_t *out,
                      size_t room, size_t *size)
{
    const shoal_codec *codec = &engine->handlers.codec;
    int error;
    *size = 0;
    ASK(engine, error,
        codec->encode_member(codec->context, claim, out, room, size));
    return codec_error(engine, error, *size, room);
}

int ask_decode_member(shoal *engine, shoal_bytes bytes, shoal_update *claim,
                      size_t *used)
{
    const shoal_codec *codec = &engine->handlers.codec;
    *claim = (shoal_update){0};
    *used = 0;
    int error;
    ASK(engine, error,
        codec->decode_member(codec->context, bytes, claim, used));
    error = codec_error(engine, error, *used, bytes.size);
    if (error)
        return error;
    bool sound = is_identity(claim->id) && claim->state <= SHOAL_DOWN &&
                 claim->from.size <= SHOAL_MAX_IDENTITY && *used > 0;
    return sound ? 0 : SHOAL_ERR_MALFORMED;
}
