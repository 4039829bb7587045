/* SPDX-License-Identifier: MIT */
/*
 * A node's memory on disk: what it was, whom it knew, its keys and, if its
 * script wants that, node.store (`data_dir` of shoal.start).
 *
 *   memory.c        opening, when it is written, what the log hears
 *   memory_read.c   what a former life has left, and what follows from it
 *   memory_write.c  what the next one will find
 *   ../../disk/     the bytes, the file, the thread that writes it
 *
 * Writing. Every `snapshot_every` (5 s) the node looks whether anything has
 * changed that is worth it, which costs a few comparisons; if so it gathers all
 * of it into one block of bytes, and a thread writes that. The loop waits for
 * the disk only at the very end, in close(). A disk that is full or read-only
 * is a warning, then a count.
 *
 * Reading. What is remembered is asked, not believed:
 *
 *   members  are asked for at their endpoints (../../host/recall.h). Until one
 *            has answered it is nobody; and it stays in the memory, with when
 *            it was seen, for remove_down_after from our start
 *   seeds    are asked as members are. New ones take their place
 *   identity the new one wins against the old, whatever the clock says. If it
 *            is the old one, its incarnation, its tags' version and its topics'
 *            numbers go on, by so much that what was said after the last
 *            snapshot is below it
 *   topics   also those that no snapshot has: if the identity is the old one,
 *            all new ones begin above the numbers it can have used. They
 *            begin with a mark: those who follow them are notified that
 *            something may be missing
 *   keys     those of the last life, if we are started with the same key file
 *            as that: a rotation may have changed them since. Another file is
 *            an operator's word and counts. Keys are never used unless a key is
 *            given: a member that lost its file must not go on in the clear
 *   store    is there before on_start is called
 *
 * What cannot be read, or is of another cluster, is set aside, and the node
 * starts without.
 */
#ifndef SHOAL_SCRIPT_NODE_MEMORY_H
#define SHOAL_SCRIPT_NODE_MEMORY_H

#include "../../base/error.h"
#include "../../shoal.h"

#include <lua.h>

#define MEMORY_EVERY_US (UINT64_C(5) * 1000 * 1000) /* the usual one */

struct node_memory;
struct node;

/* What there is of a former life is read. 0, and the node may have a memory: a
 * disk in trouble is for the log; -1 and `error`: the operator has to see to
 * it. */
int memory_open(struct node *node, const char *folder, uint64_t every_us,
                struct error *error);
/* The node's seal, which has the keys that were given, gets those that are to
 * be used. 0, or -1 and `error`. Each of these does nothing for a node without
 * a memory. */
int memory_take_keys(struct node *node, struct error *error);
/* After the handlers were loaded. 0, or -1 and `error`: no memory. */
int memory_take_store(struct node *node, struct error *error);
/* Who we were; empty: nobody. Borrowed until memory_begin(). */
shoal_bytes memory_former_id(const struct node *node);
/* The engine is new, and has said nothing yet. 0 or NOMEM. */
int memory_resume(struct node *node);
/* Before the node is live. 0 or NOMEM. */
int memory_watch(struct node *node);
/* All is as it was: asks for those who were there, and begins to write. */
void memory_begin(struct node *node);
/* Writes at the next occasion, whatever has changed. */
void memory_touch(struct node *node);
/* The last word, while there is an engine. `has_lua`: handlers may be called.
 */
void memory_end(struct node *node, bool has_lua);
void memory_free(struct node *node);

/* Forgets one that has not come back. false: it is not there. */
bool memory_forget(struct node *node, shoal_bytes addr);
/* Pushes a list of those that are known and gone: { id=, addr=, state=,
 * reason=, last_seen=, tags= }. Without a memory, too. */
void memory_push_gone(lua_State *L, struct node *node);
/* Pushes { path=, written=, failed=, written_at=, remembered=, error= }, or
 * nil. */
void memory_push_info(lua_State *L, struct node *node);

#endif
