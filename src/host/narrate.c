/* SPDX-License-Identifier: MIT */
#include "narrate.h"

#include "fail.h"
#include "node.h"
#include "show.h"

#include <string.h>

enum { A_MINUTE_US = 60 * 1000000, A_SECOND_US = 1000000 };

uint32_t narrate_diagnostics(const struct log *log)
{
    uint32_t mask = 0;

    if (log_wants(log, LOG_WARN, LOG_ENGINE))
        mask |= 1u << SHOAL_EVENT_CONFLICT;
    if (log_wants(log, LOG_DEBUG, LOG_ENGINE))
        mask |= 1u << SHOAL_EVENT_SUSPECT | 1u << SHOAL_EVENT_REFUTED |
                1u << SHOAL_EVENT_PROBE_STARTED |
                1u << SHOAL_EVENT_PROBE_FAILED;
    if (log_wants(log, LOG_TRACE, LOG_ENGINE))
        mask |= 1u << SHOAL_EVENT_PACKET_RECEIVED;
    return mask;
}

/* A warning that comes at most once a minute. */
static void warn(host *node, log_gate *gate, log_area area, const char *text,
                 const log_field *about, size_t count)
{
    log_field fields[4];
    uint64_t held_back;

    if (!log_wants(node->log, LOG_WARN, area) ||
        !log_gate_open(gate, host_now(node), A_MINUTE_US, &held_back))
        return;
    memcpy(fields, about, count * sizeof *about);
    if (held_back > 0)
        fields[count++] = log_num("held_back", (double)held_back);
    log_write(node->log, LOG_WARN, area, text, fields, count);
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

/* What a person knows a member by: its address, unless a script made that some
 * bytes of its own; then its endpoint, then whatever there is. */
static shoal_bytes name_of(const shoal_member *member)
{
    if (is_readable(member->addr))
        return member->addr;
    if (member->endpoint.size > 0)
        return member->endpoint;
    return member->addr.size > 0 ? member->addr : member->id;
}

static shoal_bytes name_of_identity(const host *node, shoal_bytes id)
{
    shoal_member member;

    if (shoal_find_identity(node->engine, id, &member))
        return name_of(&member);
    return id;
}

/* ---- What the engine tells ---- */

/* Level and sentence of each event. */
static const struct {
    log_level level;
    const char *text;
} events[SHOAL_NUM_EVENTS] = {
    [SHOAL_EVENT_MEMBER_UP] = {LOG_INFO, "member up"},
    [SHOAL_EVENT_MEMBER_DOWN] = {LOG_INFO, "member down"},
    [SHOAL_EVENT_RENAME] = {LOG_INFO, "member replaced by a newer identity"},
    [SHOAL_EVENT_ACTIVE] = {LOG_INFO, "active"},
    [SHOAL_EVENT_IDLE] = {LOG_INFO, "idle"},
    [SHOAL_EVENT_DEFUNCT] = {LOG_INFO, "defunct"},
    [SHOAL_EVENT_REJOIN] = {LOG_INFO, "rejoining with a renewed identity"},
    [SHOAL_EVENT_SUSPECT] = {LOG_DEBUG, "suspect"},
    [SHOAL_EVENT_REFUTED] = {LOG_DEBUG, "suspicion refuted"},
    [SHOAL_EVENT_CONFLICT] = {LOG_WARN, "another node claims our address"},
    [SHOAL_EVENT_PROBE_STARTED] = {LOG_DEBUG, "probe started"},
    [SHOAL_EVENT_PROBE_FAILED] = {LOG_DEBUG, "probe failed"},
    [SHOAL_EVENT_PACKET_RECEIVED] = {LOG_TRACE, "packet received"},
};

static bool is_about_a_member(shoal_event event)
{
    return event != SHOAL_EVENT_ACTIVE && event != SHOAL_EVENT_IDLE &&
           event != SHOAL_EVENT_DEFUNCT;
}

static void narrate_packet(host *node, const shoal_effect *effect,
                           const char *text, shoal_bytes peer)
{
    log_line(node->log, LOG_TRACE, LOG_ENGINE, text,
             log_str("message", shoal_message_name(effect->message)),
             log_bytes("addr", peer), log_num("updates", effect->updates),
             log_num("size", (double)effect->size));
}

static void narrate_conflict(host *node, const shoal_effect *effect)
{
    char text[SHOW_MAX];
    log_field id = log_bytes("id", show_value(effect->member.id, text));

    warn(node, &node->narrator.conflicts, LOG_ENGINE,
         events[effect->event].text, &id, 1);
}

static void narrate_event(host *node, const shoal_effect *effect)
{
    shoal_event event = effect->event;
    log_level level = events[event].level;

    if (!events[event].text)
        return;
    if (event == SHOAL_EVENT_CONFLICT)
        narrate_conflict(node, effect);
    else if (event == SHOAL_EVENT_PACKET_RECEIVED)
        narrate_packet(node, effect, events[event].text,
                       name_of_identity(node, effect->member.id));
    else if (is_about_a_member(event))
        log_line(node->log, level, LOG_ENGINE, events[event].text,
                 log_bytes("addr", name_of(&effect->member)),
                 log_num("incarnation", effect->member.incarnation),
                 log_num("members", (double)shoal_num_members(node->engine)));
    else
        log_line(node->log, level, LOG_ENGINE, events[event].text,
                 log_num("members", (double)shoal_num_members(node->engine)));
}

static void narrate_send(host *node, const shoal_effect *effect)
{
    if (effect->message == SHOAL_MSG_FEED)
        log_line(node->log, LOG_DEBUG, LOG_ENGINE, "fed",
                 log_bytes("addr", name_of(&effect->member)),
                 log_num("updates", effect->updates));
    narrate_packet(node, effect, "packet sent", name_of(&effect->member));
}

void narrate_effect(host *node, const shoal_effect *effect)
{
    if (effect->kind == SHOAL_NOTIFY)
        narrate_event(node, effect);
    else if (log_wants(node->log, LOG_DEBUG, LOG_ENGINE))
        narrate_send(node, effect);
}

/* ---- The node's own life ---- */

void narrate_started(host *node)
{
    const struct envelope *envelope = &node->envelope;
    const shoal_config *config = shoal_get_config(node->engine);
    shoal_member self = shoal_self(node->engine);
    log_field fields[5] = {
        log_str("bind", node->bound), log_bytes("addr", name_of(&self)),
        log_num("probe_period", (double)config->probe_period_us / 1e6),
        log_num("suspect_to_down_after",
                (double)config->suspect_to_down_after_us / 1e6)};
    size_t count = 4;

    if (!log_wants(node->log, LOG_INFO, LOG_HOST))
        return;
    if (envelope->size > 0)
        fields[count++] = log_bytes(
            "cluster", (shoal_bytes){envelope->prefix + 2, envelope->size - 2});
    log_write(node->log, LOG_INFO, LOG_HOST, "started", fields, count);
}

void narrate_closed(host *node)
{
    if (node->engine)
        log_line(node->log, LOG_INFO, LOG_HOST, "closed",
                 log_str("bind", node->bound));
}

/* ---- Drops ---- */

static void collect_drops(const host *node, uint64_t *counts)
{
    shoal_stats stats = shoal_get_stats(node->engine);

    memcpy(counts, stats.dropped, sizeof stats.dropped);
    counts[NARRATE_FOREIGN] = node->stats.foreign_cluster;
    counts[NARRATE_TRUNCATED] = node->stats.truncated;
    counts[NARRATE_UNRESOLVED] = node->stats.unresolved;
}

static const char *drop_name(int drop)
{
    switch (drop) {
    case NARRATE_FOREIGN:
        return "foreign_cluster";
    case NARRATE_TRUNCATED:
        return "truncated";
    case NARRATE_UNRESOLVED:
        return "unresolved";
    default:
        return shoal_drop_name(drop);
    }
}

void narrate_drops(host *node, uint64_t now_us)
{
    struct narrator *narrator = &node->narrator;
    uint64_t counts[NARRATE_NUM_DROPS];
    int i;

    if (!log_wants(node->log, LOG_INFO, LOG_HOST) ||
        (!node->dropped && now_us - narrator->drops_checked_us < A_SECOND_US))
        return;
    node->dropped = false;
    narrator->drops_checked_us = now_us;
    collect_drops(node, counts);
    for (i = 0; i < NARRATE_NUM_DROPS; i++) {
        struct narrate_drops *drop = &narrator->drops[i];

        if (counts[i] == drop->told ||
            (drop->told > 0 && now_us - drop->told_us < A_MINUTE_US))
            continue;
        log_line(node->log, LOG_INFO, LOG_HOST, "dropped",
                 log_str("reason", drop_name(i)),
                 log_num("count", (double)(counts[i] - drop->told)));
        drop->told = counts[i];
        drop->told_us = now_us;
    }
}

/* ---- Troubles ---- */

/* Its gate, shared by the kinds that came too late to get one. */
static log_gate *gate_of_error(struct narrator *narrator, int number)
{
    struct narrate_error *error = narrator->errors;
    struct narrate_error *last = error + NARRATE_ERRORS - 1;

    while (error < last && error->number != 0 && error->number != number)
        error++;
    error->number = number;
    return &error->gate;
}

static void complain(host *node, log_gate *gate, const char *text,
                     const char *name, const char *about, const char *error)
{
    const log_field fields[] = {log_str(name, about), log_str("error", error)};

    warn(node, gate, LOG_HOST, text, fields, 2);
}

void narrate_send_error(host *node, const struct address *to, int number)
{
    char text[HOST_MAX_ENDPOINT];

    address_format(to, text);
    complain(node, gate_of_error(&node->narrator, number), "cannot send", "to",
             text, fail_text(number));
}

void narrate_receive_error(host *node, int number)
{
    complain(node, &node->narrator.receive_errors, "cannot receive", "bind",
             node->bound, fail_text(number));
}

void narrate_unresolved_name(host *node, const char *name, const char *error)
{
    complain(node, &node->narrator.names, "cannot resolve a member's name",
             "name", name, error);
}

void narrate_seed(host *node, log_gate *gate, const char *endpoint,
                  const char *error)
{
    if (error)
        complain(node, gate, "cannot join", "seed", endpoint, error);
    else
        log_line(node->log, LOG_DEBUG, LOG_HOST, "announced to a seed",
                 log_str("seed", endpoint));
}

void narrate_silence(host *node, const char *seeds, bool first)
{
    log_line(node->log, first ? LOG_WARN : LOG_DEBUG, LOG_HOST,
             "no seed has answered yet", log_str("seeds", seeds));
}

/* ---- The deputy ---- */

void narrate_no_deputy(host *node, int number)
{
    log_line(node->log, LOG_WARN, LOG_HOST,
             "no thread to answer while a handler runs",
             log_str("error", fail_text(number)));
}

void narrate_deputy(host *node, double seconds)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "a handler kept us",
             log_num("seconds", seconds),
             log_num("kept", (double)node->post.kept.count),
             log_num("bytes", (double)node->post.kept.bytes));
}
