/* SPDX-License-Identifier: MIT */
#include "log_node.h"

#include "../base/error.h"
#include "node.h"
#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { A_MINUTE_US = 60 * 1000000, A_SECOND_US = 1000000 };

/* As narrate_warning(). */
static void warn(host *node, log_gate *gate, log_area area, const char *text,
                 const log_field *about, size_t count)
{
    narrate_warning(node->log, gate, host_now(node), area, text, about, count);
}

/* ---- The node's own life ---- */

void narrate_effect(host *node, const shoal_effect *effect)
{
    narrate_engine(&node->narrator.engine, host_now(node), effect);
}

void narrate_started(host *node)
{
    const struct envelope *envelope = &node->envelope;
    const shoal_config *config = shoal_get_config(node->engine);
    shoal_member self = shoal_self(node->engine);
    log_field fields[5] = {
        log_str("bind", node->bound), log_bytes("addr", narrate_name(&self)),
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

/* The engine's, then ours. */
static void collect_drops(const host *node, uint64_t *counts)
{
    shoal_stats stats = shoal_get_stats(node->engine);

    memcpy(counts, stats.dropped, sizeof stats.dropped);
    counts += SHOAL_NUM_DROPS;
#define COLLECT(name, text) *counts++ = node->stats.name;
    HOST_DROPS(COLLECT)
#undef COLLECT
}

static const char *drop_name(int drop)
{
    static const char *const ours[] = {
#define NAME(name, text) #name,
        HOST_DROPS(NAME)
#undef NAME
    };

    return drop < SHOAL_NUM_DROPS ? shoal_drop_name(drop)
                                  : ours[drop - SHOAL_NUM_DROPS];
}

void narrate_refused(host *node, int error)
{
    struct narrate_refused *refused = &node->narrator.refused;

    refused->error = error;
    snprintf(refused->detail, sizeof refused->detail, "%s",
             shoal_error_detail(node->engine));
}

/* A codec in Lua says what is wrong with a packet. */
static void tell_drop(host *node, int drop, uint64_t count)
{
    const struct narrate_refused *refused = &node->narrator.refused;
    log_field fields[3] = {log_str("reason", drop_name(drop)),
                           log_num("count", (double)count)};
    size_t num_fields = 2;

    if (refused->detail[0] != '\0' &&
        strcmp(shoal_error_name(refused->error), drop_name(drop)) == 0)
        fields[num_fields++] = log_str("error", refused->detail);
    log_write(node->log, LOG_INFO, LOG_HOST, "dropped", fields, num_fields);
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
        tell_drop(node, i, counts[i] - drop->told);
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
             text, error_text(number));
}

static bool is_told(const struct narrator *narrator, const struct address *to)
{
    unsigned i;

    for (i = 0; i < narrator->num_too_small && i < NARRATE_PATHS; i++)
        if (address_equal(&narrator->too_small[i], to))
            return true;
    return false;
}

void narrate_too_large(host *node, const struct address *to)
{
    struct narrator *narrator = &node->narrator;
    char text[HOST_MAX_ENDPOINT];

    if (is_told(narrator, to))
        return;
    narrator->too_small[narrator->num_too_small++ % NARRATE_PATHS] = *to;
    address_format(to, text);
    log_line(node->log, LOG_WARN, LOG_HOST,
             "the system does not send packets of that size: lower "
             "max_packet_size",
             log_str("to", text), log_str("error", error_text(EMSGSIZE)));
}

void narrate_small_path(host *node, shoal_bytes endpoint, size_t size)
{
    const log_field about[] = {log_bytes("to", endpoint),
                               log_num("size", (double)size)};

    warn(node, &node->narrator.small_paths, LOG_HOST,
         "large packets do not reach a member, small ones do: mend the path, "
         "or lower max_packet_size on all members",
         about, 2);
}

void narrate_receive_error(host *node, int number)
{
    complain(node, &node->narrator.receive_errors, "cannot receive", "bind",
             node->bound, error_text(number));
}

void narrate_unwatched(host *node, int number)
{
    complain(node, &node->narrator.unwatched,
             "the event loop cannot watch the socket", "bind", node->bound,
             number ? error_text(number) : "libev has given up on it");
}

void narrate_recovered(host *node)
{
    log_line(node->log, LOG_INFO, LOG_HOST, "the socket works again",
             log_str("bind", node->bound));
}

void narrate_failed(host *node, const char *error)
{
    log_line(node->log, LOG_ERROR, LOG_HOST, "the node has failed",
             log_str("error", error));
}

void narrate_unresolved_name(host *node, const char *name, const char *error)
{
    complain(node, &node->narrator.names, "cannot resolve a member's name",
             "name", name, error);
}

void narrate_seed(host *node, const char *endpoint, const char *address)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "announced to a seed",
             log_str("seed", endpoint), log_str("addr", address));
}

void narrate_lost_seed(host *node, log_gate *gate, const char *endpoint,
                       const char *error)
{
    if (gate)
        complain(node, gate, "cannot join", "seed", endpoint, error);
    else
        log_line(node->log, LOG_DEBUG, LOG_HOST, "cannot join",
                 log_str("seed", endpoint), log_str("error", error));
}

void narrate_silence(host *node, const char *seeds, bool first)
{
    log_line(node->log, first ? LOG_WARN : LOG_DEBUG, LOG_HOST,
             "no seed has answered yet", log_str("seeds", seeds));
}

/* ---- Another node that has our address ---- */

void narrate_rival(host *node, shoal_bytes id, const struct address *from)
{
    char text[HOST_MAX_ENDPOINT], theirs[SHOW_MAX], ours[SHOW_MAX];
    struct address plain = address_plain(from);

    address_format(&plain, text);
    log_line(node->log, LOG_WARN, LOG_HOST,
             "another node has our address and gets its packets: end it, or "
             "give this one an address of its own",
             log_bytes("id", show_value(id, theirs)), log_str("at", text),
             log_bytes("ours", show_value(shoal_self(node->engine).id, ours)));
}

void narrate_rival_gone(host *node)
{
    log_line(node->log, LOG_INFO, LOG_HOST,
             "the other node that had our address is gone",
             log_bytes("addr", shoal_self(node->engine).endpoint));
}

void narrate_claimant(host *node, shoal_bytes id, const struct address *from)
{
    char text[HOST_MAX_ENDPOINT], theirs[SHOW_MAX];
    struct address plain = address_plain(from);
    log_field about[] = {log_bytes("id", show_value(id, theirs)), {0}};

    address_format(&plain, text);
    about[1] = log_str("at", text);
    warn(node, &node->narrator.claimants, LOG_HOST,
         "another node says that it has our address, and gets no packets: end "
         "it, or give it an address of its own",
         about, 2);
}

/* ---- The deputy ---- */

void narrate_no_deputy(host *node, int number)
{
    log_line(node->log, LOG_WARN, LOG_HOST,
             "no thread to answer while a handler runs",
             log_str("error", error_text(number)));
}

void narrate_deputy(host *node, double seconds)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "a handler kept us",
             log_num("seconds", seconds),
             log_num("kept", (double)node->post.kept.count),
             log_num("bytes", (double)node->post.kept.bytes));
}
