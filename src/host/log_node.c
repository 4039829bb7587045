/* SPDX-License-Identifier: MIT */
#include "log_node.h"

#include "../base/clock.h"
#include "../base/error.h"
#include "node.h"
#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { A_MINUTE_US = 60 * 1000000, A_SECOND_US = 1000000 };

/* As log_engine_warning(). */
static void warn(host *node, log_gate *gate, log_area area, const char *text,
                 const log_field *about, size_t count)
{
    log_engine_warning(node->log, gate, clock_monotonic_us(), area, text, about,
                       count);
}

/* ---- The node's own life ---- */

void log_node_effect(host *node, const shoal_effect *effect)
{
    log_engine_write(&node->log_node.engine, clock_monotonic_us(), effect);
}

/* Anybody who reaches us may do what a member may. */
static void warn_of_open_door(host *node)
{
    if (!node->envelope.seal && !node->udp.reach.loopback)
        log_line(node->log, LOG_WARN, LOG_HOST,
                 "packets are neither encrypted nor authenticated: anybody who "
                 "can send to this port can join; give all members a key "
                 "(--key-file)",
                 log_str("bind", node->bound));
}

/* The key is said by its id. */
void log_node_started(host *node)
{
    const struct envelope *envelope = &node->envelope;
    const shoal_config *config = shoal_get_config(node->engine);
    shoal_member self = shoal_self(node->engine);
    char key[SEAL_ID_TEXT];
    log_field fields[6] = {
        log_str("bind", node->bound), log_bytes("addr", log_engine_name(&self)),
        log_num("probe_period", (double)config->probe_period_us / 1e6),
        log_num("suspect_to_down_after",
                (double)config->suspect_to_down_after_us / 1e6)};
    size_t count = 4;

    if (!log_wants(node->log, LOG_INFO, LOG_HOST))
        return;
    if (envelope->size > 0)
        fields[count++] = log_bytes(
            "cluster", (shoal_bytes){envelope->prefix + 2, envelope->size - 2});
    if (envelope->seal) {
        seal_key_format_id(&seal_get_keys(envelope->seal)->list[0], key);
        fields[count++] = log_str("key", key);
    }
    log_write(node->log, LOG_INFO, LOG_HOST, "started", fields, count);
    warn_of_open_door(node);
}

void log_node_closed(host *node)
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

void log_node_refused(host *node, int error)
{
    struct log_node_refused *refused = &node->log_node.refused;

    refused->error = error;
    snprintf(refused->detail, sizeof refused->detail, "%s",
             shoal_error_detail(node->engine));
}

/* Some are part of every join, or come of one lost packet. */
static log_level level_of(int drop)
{
    return drop == SHOAL_DROP_STRANGER || drop == SHOAL_DROP_REPEATED ||
                   drop == SHOAL_DROP_TAGS_STALE
               ? LOG_DEBUG
               : LOG_INFO;
}

/* A codec in Lua says what is wrong with a packet. */
static void tell_drop(host *node, int drop, uint64_t count)
{
    const struct log_node_refused *refused = &node->log_node.refused;
    log_field fields[3] = {log_str("reason", drop_name(drop)),
                           log_num("count", (double)count)};
    size_t num_fields = 2;

    if (refused->detail[0] != '\0' &&
        strcmp(shoal_error_name(refused->error), drop_name(drop)) == 0)
        fields[num_fields++] = log_str("error", refused->detail);
    if (log_wants(node->log, level_of(drop), LOG_HOST))
        log_write(node->log, level_of(drop), LOG_HOST, "dropped", fields,
                  num_fields);
}

void log_node_drops(host *node, uint64_t now_us)
{
    struct log_node *log_node = &node->log_node;
    uint64_t counts[LOG_NODE_NUM_DROPS];
    int i;

    log_engine_rest(&log_node->engine, now_us);
    if (!log_wants(node->log, LOG_INFO, LOG_HOST) ||
        (!node->dropped && now_us - log_node->drops_checked_us < A_SECOND_US))
        return;
    node->dropped = false;
    log_node->drops_checked_us = now_us;
    collect_drops(node, counts);
    for (i = 0; i < LOG_NODE_NUM_DROPS; i++) {
        struct log_node_drops *drop = &log_node->drops[i];

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
static log_gate *gate_of_error(struct log_node *log_node, int number)
{
    struct log_node_error *error = log_node->errors;
    struct log_node_error *last = error + LOG_NODE_ERRORS - 1;

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

/* A packet that came from there (NULL: that is not known). */
static void warn_of_packet(host *node, log_gate *gate, const char *text,
                           const struct address *from)
{
    char shown[ADDRESS_MAX_ENDPOINT] = "unknown";
    struct address plain;
    log_field about;

    if (from) {
        plain = address_plain(from);
        address_format(&plain, shown);
    }
    about = log_str("from", shown);
    warn(node, gate, LOG_HOST, text, &about, 1);
}

void log_node_foreign_key(host *node, const struct address *from)
{
    warn_of_packet(
        node, &node->log_node.foreign_keys,
        "a packet is sealed with a key that this member does not have", from);
}

void log_node_not_allowed(host *node, const struct address *from)
{
    warn_of_packet(node, &node->log_node.not_allowed,
                   "a packet comes from an address that is not allowed", from);
}

void log_node_challenges(host *node, const struct address *from)
{
    warn_of_packet(node, &node->log_node.challenges,
                   "packets of too many former senders come from an address, "
                   "and not all are challenged: they may be recorded ones",
                   from);
}

void log_node_send_error(host *node, const struct address *to, int number)
{
    char text[ADDRESS_MAX_ENDPOINT];

    address_format(to, text);
    complain(node, gate_of_error(&node->log_node, number), "cannot send", "to",
             text, error_text(number));
}

static bool is_told(const struct log_node *log_node, const struct address *to)
{
    unsigned i;

    for (i = 0; i < log_node->num_too_small && i < LOG_NODE_PATHS; i++)
        if (address_equal(&log_node->too_small[i], to))
            return true;
    return false;
}

void log_node_too_large(host *node, const struct address *to)
{
    struct log_node *log_node = &node->log_node;
    char text[ADDRESS_MAX_ENDPOINT];

    if (is_told(log_node, to))
        return;
    log_node->too_small[log_node->num_too_small++ % LOG_NODE_PATHS] = *to;
    address_format(to, text);
    log_line(node->log, LOG_WARN, LOG_HOST,
             "the system does not send packets of that size: lower "
             "max_packet_size",
             log_str("to", text), log_str("error", error_text(EMSGSIZE)));
}

void log_node_small_path(host *node, shoal_bytes endpoint, size_t size)
{
    const log_field about[] = {log_bytes("to", endpoint),
                               log_num("size", (double)size)};

    warn(node, &node->log_node.small_paths, LOG_HOST,
         "large packets do not reach a member, small ones do: fix the path, "
         "or lower max_packet_size on all members",
         about, 2);
}

void log_node_receive_error(host *node, int number)
{
    complain(node, &node->log_node.receive_errors, "cannot receive", "bind",
             node->bound, error_text(number));
}

void log_node_unwatched(host *node, int number)
{
    complain(node, &node->log_node.unwatched,
             "the event loop cannot watch the socket", "bind", node->bound,
             number ? error_text(number) : "libev has given up on it");
}

void log_node_recovered(host *node)
{
    log_line(node->log, LOG_INFO, LOG_HOST, "the socket works again",
             log_str("bind", node->bound));
}

void log_node_failed(host *node, const char *error)
{
    log_line(node->log, LOG_ERROR, LOG_HOST, "the node has failed",
             log_str("error", error));
}

void log_node_unresolved_name(host *node, const char *name, const char *error)
{
    complain(node, &node->log_node.names, "cannot resolve a member's name",
             "name", name, error);
}

void log_node_seed(host *node, const char *endpoint, const char *address)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "announced to a seed",
             log_str("seed", endpoint), log_str("addr", address));
}

void log_node_recalled(host *node, const char *address)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "announced to a remembered member",
             log_str("addr", address));
}

void log_node_lost_seed(host *node, log_gate *gate, const char *endpoint,
                        const char *error)
{
    if (gate)
        complain(node, gate, "cannot join", "seed", endpoint, error);
    else
        log_line(node->log, LOG_DEBUG, LOG_HOST, "cannot join",
                 log_str("seed", endpoint), log_str("error", error));
}

void log_node_silence(host *node, const char *seeds, bool first,
                      bool was_answered)
{
    log_line(node->log, first ? LOG_WARN : LOG_DEBUG, LOG_HOST,
             was_answered ? "no seed answers any more"
                          : "no seed has answered yet",
             log_str("seeds", seeds));
}

/* ---- Another node that has our address ---- */

void log_node_rival(host *node, shoal_bytes id, const struct address *from)
{
    char text[ADDRESS_MAX_ENDPOINT], theirs[SHOW_MAX], ours[SHOW_MAX];
    struct address plain = address_plain(from);

    address_format(&plain, text);
    log_line(node->log, LOG_WARN, LOG_HOST,
             "another node has our address and gets its packets: end it, or "
             "give this one an address of its own",
             log_bytes("id", print_value(id, theirs)), log_str("at", text),
             log_bytes("ours", print_value(shoal_self(node->engine).id, ours)));
}

void log_node_rival_gone(host *node)
{
    log_line(node->log, LOG_INFO, LOG_HOST,
             "the other node that had our address is gone",
             log_bytes("addr", shoal_self(node->engine).endpoint));
}

void log_node_claimant(host *node, shoal_bytes id, const struct address *from)
{
    char text[ADDRESS_MAX_ENDPOINT], theirs[SHOW_MAX];
    struct address plain = address_plain(from);
    log_field about[] = {log_bytes("id", print_value(id, theirs)), {0}};

    address_format(&plain, text);
    about[1] = log_str("at", text);
    warn(node, &node->log_node.claimants, LOG_HOST,
         "another node says that it has our address, and gets no packets: end "
         "it, or give it an address of its own",
         about, 2);
}

/* ---- The deputy ---- */

void log_node_no_deputy(host *node, int number)
{
    log_line(node->log, LOG_WARN, LOG_HOST,
             "no thread to answer pings while a handler blocks",
             log_str("error", error_text(number)));
}

void log_node_deputy(host *node, double seconds)
{
    log_line(node->log, LOG_DEBUG, LOG_HOST, "handler blocked the loop",
             log_num("seconds", seconds),
             log_num("kept", (double)node->post.queue.count),
             log_num("bytes", (double)node->post.queue.bytes));
}
