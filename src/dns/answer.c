/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "../base/bytes.h"
#include "writer.h"

/* What a name turned out to be. */
enum found { NOT_THERE, EMPTY, APEX, SERVER, ADDRESS, ENTRIES };

/* Of one name: a list of tags is long. */
enum { MOST_TEXTS = 32 };

/* Entries that are looked at for an answer. Those that are not written have an
 * address, or tags, that are written already. */
enum { LOOKS = 1024, LOOKS_OF_STREAM = 8192 };

struct work {
    struct zone *zone;
    struct query query;
    struct writer writer;
    struct table_name *name; /* of ENTRIES */
    struct table_host host;  /* of SERVER and ADDRESS */
    bool is_cut;             /* not everything fitted */
    bool is_stream;
    shoal_bytes texts[MOST_TEXTS]; /* those that are written */
    size_t domain_at;              /* in the message: where the domain begins */
};

/* ---- Finding ---- */

static bool is_transport(shoal_bytes name)
{
    return label_first_is(name, "_tcp") || label_first_is(name, "_udp");
}

/* "_web._tcp.service" is "web.service" (RFC 2782). false: not of that form. */
static bool plain_service(shoal_bytes name, struct label_name *out)
{
    shoal_bytes rest = label_rest(name);
    struct label_name plain = {.size = 0};

    if (name.data[0] < 2 || name.data[1] != '_' || rest.size == 0 ||
        !is_transport(rest) || label_rest(rest).size == 0 ||
        label_rest(label_rest(rest)).size > 0)
        return false;
    plain.bytes[plain.size++] = (uint8_t)(name.data[0] - 1);
    (void)label_add(&plain, (shoal_bytes){name.data + 2, name.data[0] - 1u},
                    LABEL_MAX_NAME);
    (void)label_add(&plain, label_rest(rest), LABEL_MAX_NAME);
    *out = plain;
    return true;
}

static bool is_kind(shoal_bytes name)
{
    return label_rest(name).size == 0 &&
           (label_first_is(name, "service") || label_first_is(name, "node") ||
            label_first_is(name, "addr"));
}

static int digit(uint8_t c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Of "0a000001.addr", a name that the table has. */
static void read_address(shoal_bytes name, struct table_host *out)
{
    const uint8_t *hex = name.data + 1;
    uint8_t i;

    out->size = name.data[0] / 2;
    for (i = 0; i < out->size; i++)
        out->ip[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

/* Of the names with one label in front of the domain. */
static enum found find_short(struct work *work, shoal_bytes name)
{
    if (is_kind(name))
        return EMPTY; /* there are names below it */
    if (!label_first_is(name, "ns"))
        return NOT_THERE;
    work->host = work->zone->server;
    return work->host.size > 0 ? SERVER : EMPTY;
}

/* The name in front of the domain. */
static enum found find(struct work *work, shoal_bytes name)
{
    struct label_name plain;

    if (name.size == 0)
        return APEX;
    if (label_rest(name).size == 0)
        return find_short(work, name);
    work->name = table_find(work->zone->table, name);
    if (!work->name && plain_service(name, &plain) &&
        label_first_is(label_rest(label_bytes(&plain)), "service"))
        work->name = table_find(work->zone->table, label_bytes(&plain));
    if (work->name && label_first_is(label_rest(name), "addr") &&
        is_kind(label_rest(name))) {
        read_address(name, &work->host);
        return ADDRESS;
    }
    if (work->name)
        return ENTRIES;
    if (is_transport(name) && label_first_is(label_rest(name), "service") &&
        is_kind(label_rest(name)))
        return EMPTY;
    return NOT_THERE;
}

/* ---- Records ---- */

/* The name that was asked for, and the domain: the question has them. */
static struct writer_name asked(void)
{
    return (struct writer_name){{NULL, 0}, QUERY_HEADER};
}

static struct writer_name below(const struct work *work, shoal_bytes labels)
{
    return (struct writer_name){labels, work->domain_at};
}

static struct writer_name server_name(const struct work *work)
{
    static const uint8_t ns[] = "\2ns";

    return below(work, (shoal_bytes){ns, 3});
}

static bool put_address(struct work *work, struct writer_name owner,
                        const struct table_host *host,
                        enum writer_section section)
{
    writer_begin(&work->writer, owner, host->size == 4 ? DNS_A : DNS_AAAA,
                 work->zone->ttl);
    writer_bytes(&work->writer, (shoal_bytes){host->ip, host->size});
    return writer_end(&work->writer, section);
}

static void put_soa(struct work *work, enum writer_section section)
{
    static const uint8_t hostmaster[] = "\12hostmaster";
    const struct zone *zone = work->zone;
    struct writer *writer = &work->writer;

    writer_begin(writer, below(work, (shoal_bytes){NULL, 0}), DNS_SOA,
                 zone->ttl);
    writer_put_name(writer, server_name(work));
    writer_put_name(writer, below(work, (shoal_bytes){hostmaster, 11}));
    writer_u32(writer, zone->serial + table_changes(zone->table));
    writer_u32(writer, 3600);
    writer_u32(writer, 600);
    writer_u32(writer, 86400);
    writer_u32(writer, zone->ttl); /* of what is not there */
    (void)writer_end(writer, section);
}

static void put_ns(struct work *work)
{
    writer_begin(&work->writer, asked(), DNS_NS, work->zone->ttl);
    writer_put_name(&work->writer, server_name(work));
    if (writer_end(&work->writer, WRITER_ANSWER) && work->zone->server.size > 0)
        (void)put_address(work, server_name(work), &work->zone->server,
                          WRITER_ADDITIONAL);
}

/* ---- Entries ---- */

/* Each address once. Nobody without a weight is in that list: a client has
 * nothing else to go by. */
static bool put_host(struct work *work, const struct table_entry *entry,
                     uint64_t stamp)
{
    if (entry->host_name->stamp == stamp)
        return true;
    entry->host_name->stamp = stamp;
    return put_address(work, asked(), &entry->host, WRITER_ANSWER);
}

/* The member's name, if it leads to the same address and to no other, or the
 * address as a name. NULL: it has a host of another name. */
static struct table_name *target_of(const struct table_entry *entry)
{
    const struct table_entry *node = entry->member->node;

    if (entry->host_name && node && node->host_name == entry->host_name &&
        node->places[0].name->uses == 1)
        return node->places[0].name;
    return entry->host_name;
}

static bool put_service(struct work *work, const struct table_entry *entry,
                        uint64_t stamp)
{
    struct writer *writer = &work->writer;
    const struct table_name *target = target_of(entry);

    (void)stamp;
    writer_begin(writer, asked(), DNS_SRV, work->zone->ttl);
    writer_u16(writer, 1); /* the priority: all the same */
    writer_u16(writer, entry->weight);
    writer_u16(writer, entry->port);
    if (target) { /* not with a pointer: RFC 2782 */
        writer_bytes(writer, target->labels);
        writer_bytes(writer, label_bytes(&work->zone->domain));
        writer_bytes(writer, (shoal_bytes){(const uint8_t *)"", 1});
    } else {
        writer_put_name(writer, (struct writer_name){entry->other_host, 0});
    }
    return writer_end(writer, WRITER_ANSWER);
}

static bool put_text(struct work *work, const struct table_entry *entry,
                     uint64_t stamp)
{
    unsigned i, count = work->writer.counts[WRITER_ANSWER];

    (void)stamp;
    for (i = 0; i < count; i++)
        if (bytes_equal(work->texts[i], entry->texts))
            return true; /* there is such a record */
    writer_begin(&work->writer, asked(), DNS_TXT, work->zone->ttl);
    writer_bytes(&work->writer, entry->texts);
    if (!writer_end(&work->writer, WRITER_ANSWER))
        return false;
    work->texts[count] = entry->texts;
    return count + 1 < MOST_TEXTS;
}

/* Of the services that were written, which are the first `count`. */
static void put_targets(struct work *work, uint32_t count)
{
    uint64_t stamp = table_new_stamp(work->zone->table);
    uint32_t i;

    for (i = 0; i < count; i++) {
        const struct table_entry *entry = table_at(work->name, TABLE_SRV, i);
        struct table_name *target = target_of(entry);

        if (!target || target->stamp == stamp)
            continue;
        target->stamp = stamp;
        if (!put_address(work, below(work, target->labels), &entry->host,
                         WRITER_ADDITIONAL))
            return;
    }
}

typedef bool put_fn(struct work *work, const struct table_entry *entry,
                    uint64_t stamp);

/* Those of a list, in an order that is drawn while they are written. How many
 * were looked at until no more fit. */
static uint32_t put_all(struct work *work, enum table_kind kind, put_fn *put)
{
    uint64_t stamp = table_new_stamp(work->zone->table);
    uint32_t count = table_count(work->name, kind), i;
    uint32_t most = work->is_stream ? LOOKS_OF_STREAM : LOOKS;

    for (i = 0; i < count && i < most; i++) {
        table_shuffle(work->name, kind, i, &work->zone->rng);
        if (!put(work, table_at(work->name, kind, i), stamp))
            break;
    }
    work->is_cut = work->writer.is_full;
    return i;
}

static void put_entries(struct work *work)
{
    switch (work->query.type) {
    case DNS_A:
        (void)put_all(work, TABLE_A, put_host);
        break;
    case DNS_AAAA:
        (void)put_all(work, TABLE_AAAA, put_host);
        break;
    case DNS_SRV:
        put_targets(work, put_all(work, TABLE_SRV, put_service));
        break;
    case DNS_TXT:
        (void)put_all(work, TABLE_TXT, put_text);
        break;
    }
}

/* ---- The answer ---- */

static void put_host_alone(struct work *work)
{
    uint16_t type = work->host.size == 4 ? DNS_A : DNS_AAAA;

    if (work->query.type == type)
        (void)put_address(work, asked(), &work->host, WRITER_ANSWER);
}

static void put_apex(struct work *work)
{
    if (work->query.type == DNS_SOA)
        put_soa(work, WRITER_ANSWER);
    else if (work->query.type == DNS_NS)
        put_ns(work);
}

/* Whoever wants anything gets addresses (RFC 8482), of the family that there
 * is. */
static void narrow(struct work *work, enum found found)
{
    bool has_six = work->host.size == 16;

    if (work->query.type != DNS_ANY)
        return;
    if (found == ENTRIES)
        has_six = table_count(work->name, TABLE_A) == 0 &&
                  table_count(work->name, TABLE_AAAA) > 0;
    work->query.type = found == APEX ? DNS_SOA : has_six ? DNS_AAAA : DNS_A;
}

static enum dns_rcode answer_within(struct work *work, shoal_bytes name)
{
    enum found found = find(work, name);

    narrow(work, found);
    if (found == ENTRIES)
        put_entries(work);
    else if (found == SERVER || found == ADDRESS)
        put_host_alone(work);
    else if (found == APEX)
        put_apex(work);
    if (work->writer.counts[WRITER_ANSWER] == 0 && !work->is_cut)
        put_soa(work, WRITER_AUTHORITY);
    return found == NOT_THERE ? DNS_NXDOMAIN : DNS_NOERROR;
}

static enum dns_rcode answer(struct work *work, uint16_t *flags)
{
    const struct query *query = &work->query;
    shoal_bytes name = label_bytes(&query->name);
    shoal_bytes domain = label_bytes(&work->zone->domain);

    if (query->type == DNS_AXFR || query->type == DNS_IXFR ||
        (query->class != DNS_IN && query->class != DNS_ANY) ||
        !label_ends_with(name, domain))
        return DNS_REFUSED;
    *flags |= DNS_AA;
    name.size -= domain.size;
    work->domain_at = QUERY_HEADER + name.size;
    return answer_within(work, name);
}

static size_t room_for(const struct query *query, bool is_stream, size_t room)
{
    size_t most = ANSWER_MAX;

    if (!is_stream)
        most = !query->has_edns || query->edns_size < QUERY_PLAIN ? QUERY_PLAIN
               : query->edns_size > QUERY_LARGEST ? QUERY_LARGEST
                                                  : query->edns_size;
    return (room < most ? room : most) - (query->has_edns ? WRITER_OPT : 0);
}

size_t answer_query(struct zone *zone, shoal_bytes bytes, bool is_stream,
                    uint8_t *out, size_t room)
{
    struct work work = {.zone = zone, .is_stream = is_stream};
    const struct query *query = &work.query;
    enum dns_rcode rcode;
    uint16_t flags;

    if (!query_read(bytes, &work.query, &rcode))
        return 0;
    flags = DNS_QR | (query->flags & (DNS_OPCODE | DNS_RD | DNS_CD));
    writer_init(&work.writer, out, room_for(query, is_stream, room));
    writer_question(&work.writer, query->question);
    if (rcode == DNS_NOERROR)
        rcode = answer(&work, &flags);
    if (work.is_cut && !is_stream)
        flags |= DNS_TC;
    if (query->has_edns)
        writer_opt(&work.writer, (uint8_t)(rcode >> 4), query->wants_dnssec);
    return writer_finish(&work.writer, query->id,
                         (uint16_t)(flags | (rcode & 15)));
}
