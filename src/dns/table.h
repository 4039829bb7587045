/* SPDX-License-Identifier: MIT */
/*
 * What there is to answer with: services and members by their names.
 *
 * The caller (dns_lua.c) describes one member after the other, and each again
 * when it has changed, so that a change costs what that member has, however
 * many there are. An answer costs a lookup and what is written; nothing is
 * sorted or searched for it. (What several have in common, an address or the
 * same tags, is written once; there is a limit to how many are looked at.)
 *
 *   name    "v2.web.service", "db1.node", "0a000001.addr": in front of the
 *           domain, with all that it stands for
 *   entry   an instance of a service, or a member as a node. It stands under
 *           several names: "web.service", and "TAG.web.service" for each tag
 *   member  has entries, which are replaced or go together
 *
 * An entry that does not pass keeps its names from vanishing (there is such a
 * name, without addresses), but is not found below them.
 */
#ifndef SHOAL_DNS_TABLE_H
#define SHOAL_DNS_TABLE_H

#include "../base/rng.h"
#include "label.h"

struct table_member;
struct table_name;

struct table_host {
    uint8_t size; /* 4 or 16; 0: not an address */
    uint8_t ip[16];
};

/* Lists of a name, by the records that are made of them: so that an answer
 * looks at nobody who has no such record. */
enum table_kind {
    TABLE_A, /* with a weight */
    TABLE_AAAA,
    TABLE_SRV, /* with a port and a host */
    TABLE_TXT, /* with texts */
    TABLE_NUM_KINDS
};

/* Where an entry stands in the lists of one of its names. */
struct table_place {
    struct table_name *name;
    uint32_t at[TABLE_NUM_KINDS]; /* TABLE_NOWHERE: it is not in that list */
};

enum { TABLE_NOWHERE = UINT32_MAX };

struct table_entry {
    struct table_entry *next; /* of the member */
    struct table_member *member;
    struct table_host host;
    struct table_name *host_name; /* "0a000001.addr"; NULL: not an address */
    shoal_bytes other_host;       /* labels of its name, instead */
    shoal_bytes texts; /* strings behind their lengths, as TXT has them */
    uint16_t port;     /* 0: none */
    uint16_t weight;
    bool is_passing;
    uint32_t num_places;
    struct table_place *places;
};

/* One of the entries of a name, and which of that entry's places it is. */
struct table_slot {
    struct table_entry *entry;
    uint32_t place;
    uint16_t weight; /* the entry's, for who looks at many */
};

/* Those that pass and have such a record. */
struct table_list {
    struct table_slot *slots;
    uint32_t count, room;
    uint32_t removed;    /* since max_weight was looked for */
    uint16_t max_weight; /* no entry has more */
};

struct table_name {
    struct table_name *next;  /* with the same hash */
    struct table_list *lists; /* TABLE_NUM_KINDS; NULL: nobody passes */
    uint32_t uses; /* entries, passing or not; names below; as a host */
    uint32_t hash;
    uint64_t stamp; /* the last list of records that it is in */
    shoal_bytes labels;
};

struct table_member {
    struct table_member *next; /* with the same hash */
    struct table_entry *entries;
    struct table_entry *node; /* one of them; NULL: it has no name */
    uint32_t hash;
    shoal_bytes key;
};

typedef struct table table;

/* What a member has. Everything is borrowed for the call. */
struct table_service {
    shoal_bytes name,
        host; /* an IP address (IPv6 also in brackets), or a name */
    uint16_t port, weight;
    bool is_passing;
    const shoal_bytes *tags;
    size_t num_tags;
};

struct table_description {
    shoal_bytes name; /* of the member; empty: none */
    shoal_bytes host;
    const shoal_bytes *texts;
    size_t num_texts;
    const struct table_service *services;
    size_t num_services;
};

/* NULL: no memory. `key` is secret (bytes_hash). */
table *table_new(uint64_t key);
void table_free(table *table);

/* Describes a member, by whatever tells it from others, instead of what was
 * said of it before. What is not a name (too long, an empty label) is left out.
 * 0; or SHOAL_ERR_NOMEM, and the member is not there. */
int table_put(table *table, shoal_bytes key,
              const struct table_description *description);
void table_drop(table *table, shoal_bytes key);
size_t table_num_members(const table *table);
/* Grows with each change. */
uint32_t table_changes(const table *table);

/* NULL: there is no such name. One without entries that pass may be there. */
struct table_name *table_find(const table *table, shoal_bytes labels);
/* Entries of it that have such a record. */
uint32_t table_count(const struct table_name *name, enum table_kind kind);
/* One of these; borrowed until the table changes. */
struct table_entry *table_at(const struct table_name *name,
                             enum table_kind kind, uint32_t i);

/* A number that no name has as its stamp yet. */
uint64_t table_new_stamp(table *table);

/* Puts one of the entries from `from` on at that place of the list, at random:
 * the more weight the likelier. Of more than a few hundred only roughly so, and
 * the more roughly the further behind it is. */
void table_shuffle(struct table_name *name, enum table_kind kind, uint32_t from,
                   struct rng *rng);

#endif
