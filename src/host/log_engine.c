/* SPDX-License-Identifier: MIT */
#include "log_engine.h"

#include "../base/bytes.h"

#include "print.h"

#include <string.h>

enum { A_MINUTE_US = 60 * 1000000 };

/* Level and sentence of each event. */
static const struct {
    log_level level;
    const char *text;
} events[SHOAL_NUM_EVENTS] = {
#define LINE(NAME, VALUE, name, DIAGNOSTIC, WHAT, LEVEL, line, text)           \
    [VALUE] = {LOG_##LEVEL, line},
    SHOAL_EVENTS(LINE)
#undef LINE
};

static bool wants_event(const struct log *log, int event)
{
    return events[event].text &&
           log_wants(log, events[event].level, LOG_ENGINE);
}

uint32_t log_engine_diagnostics(const struct log *log)
{
    uint32_t mask = 0;

    for (int event = 0; event < SHOAL_NUM_EVENTS; event++)
        if (wants_event(log, event))
            mask |= 1u << event;
    return mask & SHOAL_DIAGNOSTICS;
}

bool log_engine_wants_sends(const struct log *log)
{
    return log_wants(log, LOG_DEBUG, LOG_ENGINE);
}

bool log_engine_wants(const struct log *log, const shoal_effect *effect)
{
    if (effect->kind != SHOAL_NOTIFY)
        return log_engine_wants_sends(log);
    return wants_event(log, (int)effect->event);
}

void log_engine_warning(struct log *log, log_gate *gate, uint64_t now_us,
                        log_area area, const char *text, const log_field *about,
                        size_t count)
{
    log_field fields[4];
    uint64_t held_back;

    if (!log_wants(log, LOG_WARN, area) ||
        !log_gate_open(gate, now_us, A_MINUTE_US, &held_back))
        return;
    memcpy(fields, about, count * sizeof *about);
    if (held_back > 0)
        fields[count++] = log_num("held_back", (double)held_back);
    log_write(log, LOG_WARN, area, text, fields, count);
}

/* ---- Whom a line is about ---- */

static bool is_readable(shoal_bytes text)
{
    size_t i;

    for (i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] >= 0x7f)
            return false;
    return text.size > 0;
}

/* Its address, unless a script made that some bytes of its own; then its
 * endpoint, then whatever there is. */
shoal_bytes log_engine_name(const shoal_member *member)
{
    if (is_readable(member->addr))
        return member->addr;
    if (member->endpoint.size > 0)
        return member->endpoint;
    return member->addr.size > 0 ? member->addr : member->id;
}

static shoal_bytes name_of_identity(const shoal *engine, shoal_bytes id)
{
    shoal_member member;

    if (shoal_find_identity(engine, id, &member))
        return log_engine_name(&member);
    return id;
}

/* ---- What the engine tells ---- */

static void write_packet(struct log_engine *log_engine,
                         const shoal_effect *effect, const char *text,
                         shoal_bytes peer)
{
    log_line(log_engine->log, LOG_TRACE, LOG_ENGINE, text,
             log_str("message", shoal_message_name(effect->message)),
             log_bytes("addr", peer), log_num("updates", effect->updates),
             log_num("size", (double)effect->size));
}

static void warn(struct log_engine *log_engine, log_gate *gate, uint64_t now_us,
                 const char *text, const log_field *about, size_t count)
{
    log_engine_warning(log_engine->log, gate, now_us, LOG_ENGINE, text, about,
                       count);
}

/* Either the engine has taken the address back by now, and is somebody else, or
 * it cannot, or waits. */
static void write_conflict(struct log_engine *log_engine, uint64_t now_us,
                           const shoal_effect *effect)
{
    char theirs[SHOW_MAX], ours[SHOW_MAX];
    shoal_bytes self = shoal_self(log_engine->engine).id;
    bool is_back = !bytes_equal(self, effect->before);
    const log_field about[] = {
        log_bytes("id", print_value(effect->member.id, theirs)),
        log_bytes(is_back ? "as" : "ours", print_value(self, ours))};

    warn(log_engine, &log_engine->conflicts, now_us,
         is_back ? "another node claims our address, or our clock was set "
                   "back; taking the address back"
                 : events[SHOAL_EVENT_CONFLICT].text,
         about, 2);
}

/* A table that is full, here or elsewhere. */
static void write_full(struct log_engine *log_engine, log_gate *gate,
                       uint64_t now_us, const shoal_effect *effect)
{
    const log_field about = log_bytes("addr", log_engine_name(&effect->member));

    warn(log_engine, gate, now_us, events[effect->event].text, &about, 1);
}

static void write_item(struct log_engine *log_engine, uint64_t now_us,
                       const shoal_effect *effect)
{
    const log_field size = log_num("size", (double)effect->size);

    warn(log_engine, &log_engine->items, now_us,
         effect->drop == SHOAL_DROP_BACKLOG
             ? "a broadcast was dropped to make room for newer ones: send "
               "fewer, or raise max_broadcasts"
             : "a broadcast that no longer fits into a packet was dropped: "
               "send smaller ones, or raise max_packet_size",
         &size, 1);
}

static void write_tags(struct log_engine *log_engine, uint64_t now_us,
                       const shoal_effect *effect)
{
    const log_field about[] = {
        log_bytes("addr", log_engine_name(&effect->member)),
        log_str("reason", shoal_drop_name(effect->drop)),
        log_num("size", (double)effect->size)};

    warn(log_engine, &log_engine->tags, now_us, events[effect->event].text,
         about, 3);
}

/* Somebody who is not let in. */
static void write_turned_away(struct log_engine *log_engine, uint64_t now_us,
                              const shoal_effect *effect)
{
    static const struct {
        shoal_drop why;
        const char *text;
    } reasons[] = {
        {SHOAL_DROP_NOT_ADMITTED,
         "a member was not admitted (admit of the script, or --allow)"},
        {SHOAL_DROP_NEWCOMERS,
         "a host brings too many new members and is held back "
         "(newcomers_per_minute)"},
        {SHOAL_DROP_ANNOUNCES,
         "a host asks for all members too often and is not answered "
         "(announces_per_minute)"},
        {SHOAL_DROP_RENEWALS,
         "a member takes new identities too often and is held back "
         "(renewals_per_minute)"},
    };
    const log_field about = log_bytes("addr", log_engine_name(&effect->member));

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (effect->drop == reasons[i].why)
            warn(log_engine, &log_engine->turned_away[i], now_us,
                 reasons[i].text, &about, 1);
}

/* What needs somebody to look at it. false: it is something else. */
static bool write_trouble(struct log_engine *log_engine, uint64_t now_us,
                          const shoal_effect *effect)
{
    switch (effect->event) {
    case SHOAL_EVENT_CONFLICT:
        write_conflict(log_engine, now_us, effect);
        return true;
    case SHOAL_EVENT_FULL:
        write_full(log_engine, &log_engine->full, now_us, effect);
        return true;
    case SHOAL_EVENT_REFUSED:
        write_full(log_engine, &log_engine->refusals, now_us, effect);
        return true;
    case SHOAL_EVENT_ITEM_DROPPED:
        write_item(log_engine, now_us, effect);
        return true;
    case SHOAL_EVENT_TAGS_IGNORED:
        write_tags(log_engine, now_us, effect);
        return true;
    case SHOAL_EVENT_TURNED_AWAY:
        write_turned_away(log_engine, now_us, effect);
        return true;
    default:
        return false;
    }
}

/* ---- Members that come and go in crowds ---- */

static struct log_crowd *crowd_of(struct log_engine *log_engine,
                                  shoal_event event)
{
    switch (event) {
    case SHOAL_EVENT_MEMBER_UP:
        return &log_engine->up;
    case SHOAL_EVENT_MEMBER_DOWN:
        return &log_engine->down;
    case SHOAL_EVENT_RENAME:
        return &log_engine->renamed;
    default:
        return NULL;
    }
}

/* Whoever asks for each decision of the protocol gets each. */
static bool is_held_back(struct log_engine *log_engine, uint64_t now_us,
                         shoal_event event)
{
    struct log_crowd *crowd = crowd_of(log_engine, event);

    return crowd && !log_wants(log_engine->log, LOG_DEBUG, LOG_ENGINE) &&
           !log_crowd_pass(crowd, now_us);
}

static void write_rest(struct log_engine *log_engine, struct log_crowd *crowd,
                       uint64_t now_us, const char *text)
{
    unsigned rest = log_crowd_rest(crowd, now_us);

    if (rest > 0)
        log_line(
            log_engine->log, LOG_INFO, LOG_ENGINE, text, log_num("more", rest),
            log_num("members", (double)shoal_num_members(log_engine->engine)));
}

void log_engine_rest(struct log_engine *log_engine, uint64_t now_us)
{
    write_rest(log_engine, &log_engine->up, now_us, "members up");
    write_rest(log_engine, &log_engine->down, now_us, "members down");
    write_rest(log_engine, &log_engine->renamed, now_us,
               "members replaced by newer identities");
}

/* Why it is down, and who it was and is now. */
static void write_member(struct log_engine *log_engine,
                         const shoal_effect *effect)
{
    const shoal_member *member = &effect->member;
    char before[SHOW_MAX], after[SHOW_MAX];
    log_field fields[6] = {log_bytes("addr", log_engine_name(member)),
                           log_num("incarnation", member->incarnation)};
    size_t count = 2;

    if (member->state == SHOAL_DOWN)
        fields[count++] = log_str("reason", shoal_reason_name(member->reason));
    if (effect->event == SHOAL_EVENT_RENAME) {
        fields[count++] = log_bytes("was", print_value(effect->before, before));
        fields[count++] = log_bytes("is", print_value(member->id, after));
    } else if (effect->event == SHOAL_EVENT_REJOIN) {
        fields[count++] = log_bytes("as", print_value(member->id, after));
    }
    fields[count++] =
        log_num("members", (double)shoal_num_members(log_engine->engine));
    log_write(log_engine->log, events[effect->event].level, LOG_ENGINE,
              events[effect->event].text, fields, count);
}

/* Who has left because it was asked to is defunct, too: that is no trouble. */
static const char *text_of(const struct log_engine *log_engine,
                           shoal_event event)
{
    bool has_left = event == SHOAL_EVENT_DEFUNCT &&
                    shoal_self(log_engine->engine).reason == SHOAL_REASON_LEFT;
    return has_left ? "left the cluster" : events[event].text;
}

static void write_event(struct log_engine *log_engine, uint64_t now_us,
                        const shoal_effect *effect)
{
    shoal_event event = effect->event;
    shoal_carries carries = shoal_event_carries(event);

    if (write_trouble(log_engine, now_us, effect) ||
        is_held_back(log_engine, now_us, event))
        return;

    if (carries == SHOAL_CARRIES_PACKET)
        write_packet(log_engine, effect, events[event].text,
                     name_of_identity(log_engine->engine, effect->member.id));
    else if (carries != SHOAL_CARRIES_NOTHING)
        write_member(log_engine, effect);
    else
        log_line(
            log_engine->log, events[event].level, LOG_ENGINE,
            text_of(log_engine, event),
            log_num("members", (double)shoal_num_members(log_engine->engine)));
}

static void write_send(struct log_engine *log_engine,
                       const shoal_effect *effect)
{
    if (effect->message == SHOAL_MSG_FEED)
        log_line(log_engine->log, LOG_DEBUG, LOG_ENGINE, "sent member list",
                 log_bytes("addr", log_engine_name(&effect->member)),
                 log_num("updates", effect->updates));
    write_packet(log_engine, effect, "packet sent",
                 log_engine_name(&effect->member));
}

void log_engine_write(struct log_engine *log_engine, uint64_t now_us,
                      const shoal_effect *effect)
{
    if (!log_engine_wants(log_engine->log, effect))
        return;
    log_engine_rest(log_engine, now_us);
    if (effect->kind == SHOAL_NOTIFY)
        write_event(log_engine, now_us, effect);
    else
        write_send(log_engine, effect);
}
