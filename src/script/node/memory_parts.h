/* SPDX-License-Identifier: MIT */
/* What the files of a node's memory share. */
#ifndef SHOAL_SCRIPT_NODE_MEMORY_PARTS_H
#define SHOAL_SCRIPT_NODE_MEMORY_PARTS_H

#include "../../disk/saver.h"
#include "../../disk/snapshot.h"
#include "../../seal/crypto.h"
#include "memory.h"

enum {
    /* What was said after the last snapshot is below what is remembered by so
     * much: a thousand versions of tags, which at ten a second is 100 s. */
    MEMORY_TAGS = 1024,
    MEMORY_NUMBERS = 65536 /* of what was published on a topic */
};

struct node_memory {
    struct state_folder folder;
    struct saver saver;
    void *timer;
    uint64_t every_us, begun_us;

    /* The file of a former life (without its keys), and where the members in it
     * are that were not heard of yet; NULL: there is none, or no need. */
    uint8_t *former;
    size_t former_size;
    size_t *unheard;
    size_t num_unheard;

    bool has_keys;
    uint8_t given[CRYPTO_HASH]; /* of the keys that we were started with */
    uint8_t *store;             /* as it was packed last; NULL: not at all */
    size_t store_size;
    bool store_told; /* that it cannot be packed */

    uint64_t seen; /* a hash of what was written last */
    bool touched;
    bool told; /* that it cannot be written */
    uint64_t written, failed;
    uint64_t written_us; /* unix time */
    struct error error;  /* of the last attempt; "": none */
};

/* ---- memory_read.c ---- */

/* Judges the file that was read, which is ours from then on: `*problem` is
 * NULL, or what is wrong with it. 0, or -1 and `error`: no memory. */
int memory_adopt(struct node_memory *memory, uint8_t *bytes, size_t size,
                 const char *label, const char **problem, struct error *error);
/* Walks the records of the former life, as snapshot_next() does: false at the
 * end, or if there is none. */
bool memory_next(const struct node_memory *memory, size_t *at,
                 struct snapshot_record *out);
/* A member that did not leave, so it may come back. */
bool memory_may_return(const struct snapshot_record *record);
/* What is remembered of that member. Borrowed from the engine. */
struct snapshot_member memory_member(struct node *node,
                                     const shoal_member *member);
/* Drops those of the former life that are known again; all, once that is long
 * past. */
void memory_prune(struct node *node);
void memory_drop_former(struct node_memory *memory);

/* ---- memory_write.c ---- */

/* A hash of what is worth a write. */
uint64_t memory_state(struct node *node);
/* Packs the store again, if the script wants it remembered. */
void memory_pack_store(struct node *node);
/* All of it; false: there is no memory for it. The caller owns the bytes. */
bool memory_gather(struct node *node, uint8_t **bytes, size_t *size);

#endif
