/* SPDX-License-Identifier: MIT */
/*
 * Memory on disk: what a member knows of itself and of others, so that it comes
 * back after a power cut without a seed. Bytes only; the file is
 * state_file.h's, the thread that writes it saver.h's, and what is in it the
 * node's
 * (../script/node/memory.h).
 *
 *   +----------+---------+------+--------+--------+- - -+--------+
 *   | SHOALMEM | version | size | record | record |     | CRC-64 |
 *   |    8     |    2    |  4   |        |        |     |   8    |
 *   +----------+---------+------+--------+--------+- - -+--------+
 *   record: kind 1 | size 4 | fields of that kind
 *
 * Numbers are big-endian; `size` in front is that of all records, the check is
 * over all that comes before it. Fields that are bytes begin with their size, 2
 * bytes, except the last of a record, which is the rest of it. Readers skip
 * kinds that they do not know; the version grows when that is not good enough.
 *
 * Whoever reads it judges every byte first: what snapshot_open() accepts has
 * only records that are well formed.
 */
#ifndef SHOAL_DISK_SNAPSHOT_H
#define SHOAL_DISK_SNAPSHOT_H

#include "../shoal.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_HEAD = 8 + 2 + 4, /* bytes before the records */
    SNAPSHOT_KEY = 32,
    SNAPSHOT_GIVEN = 16,
    SNAPSHOT_MOST = 64 * 1024 * 1024 /* bytes of all */
};

enum snapshot_kind {
    SNAPSHOT_CLUSTER = 1, /* one, the first: whose memory it is */
    SNAPSHOT_SELF = 2,    /* one: who we were */
    SNAPSHOT_TOPIC = 3,   /* for each that we published on */
    SNAPSHOT_MEMBER = 4,  /* for each that we knew */
    SNAPSHOT_SEED = 5,    /* for each that we were given */
    SNAPSHOT_RING = 6,    /* one, if there are keys, and before them */
    SNAPSHOT_SECRET = 7,  /* for each key, the one that seals first */
    SNAPSHOT_STORE = 8,   /* one, if the script wants it */
    SNAPSHOT_FLOOR = 9    /* one: for topics that have none of their own */
};

/* Times are milliseconds since 1970. Bytes are borrowed: of the writer's caller
 * for the call, of the reader's bytes as long as these live. */
struct snapshot_self {
    uint64_t written_ms;
    uint64_t tags_version;
    uint16_t incarnation;
    shoal_bytes id;
};

struct snapshot_member {
    uint64_t seen_ms;
    uint8_t state;  /* shoal_state */
    uint8_t reason; /* shoal_reason */
    shoal_bytes id, addr, endpoint, tags;
};

struct snapshot_secret {
    uint8_t stage; /* what a rotation has done with it; the ring's to say */
    uint64_t made_ms, until_ms;
    uint8_t bytes[SNAPSHOT_KEY];
};

struct snapshot_record {
    uint8_t kind; /* one that readers skip: not seen by callers */
    union {
        struct snapshot_self self;
        struct snapshot_member member;
        struct snapshot_secret secret;
        uint64_t number;               /* TOPIC, FLOOR */
        uint8_t given[SNAPSHOT_GIVEN]; /* RING: which keys we were started
                                          with, as a hash */
    } as;
    shoal_bytes bytes; /* CLUSTER, TOPIC, SEED, STORE */
};

/* ---- Writing ---- */

struct snapshot_writer {
    uint8_t *bytes; /* of malloc; the caller's, once it is finished */
    size_t size, room;
    bool failed; /* out of memory, or larger than SNAPSHOT_MOST */
};

/* `label` NULL: the cluster has none. */
void snapshot_begin(struct snapshot_writer *writer, const char *label);
void snapshot_put(struct snapshot_writer *writer,
                  const struct snapshot_record *record);
/* true: `bytes` and `size` are what is to be written. false: there is nothing,
 * and what there was is freed. */
bool snapshot_end(struct snapshot_writer *writer);
/* Zeroes and frees. */
void snapshot_free(uint8_t *bytes, size_t size);

/* ---- Reading ---- */

/* NULL: it is a memory of the cluster with that label (NULL: without one). Else
 * why it cannot be used: "is damaged". Static. */
const char *snapshot_problem(shoal_bytes file, const char *label);
/* Walks the records of a file without a problem. `*at` is 0 at first, then
 * where the next one is, behind the head; false at the end. */
bool snapshot_next(shoal_bytes file, size_t *at, struct snapshot_record *out);

#endif
