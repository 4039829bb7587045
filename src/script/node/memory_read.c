/* SPDX-License-Identifier: MIT */
/* What a former life has left. */
#include "memory_parts.h"

#include "../../base/bytes.h"
#include "../../lua/compat.h"
#include "../../lua/templates.h"
#include "../../lua/value.h"
#include "../../seal/seal.h"
#include "../reload/store.h"
#include "node.h"

#include <stdlib.h>

bool memory_next(const struct node_memory *memory, size_t *at,
                 struct snapshot_record *out)
{
    return memory && memory->former &&
           snapshot_next(bytes_of(memory->former, memory->former_size), at,
                         out);
}

/* The first of that kind. */
static bool find(const struct node_memory *memory, enum snapshot_kind kind,
                 struct snapshot_record *out)
{
    size_t at = 0;
    while (memory_next(memory, &at, out))
        if (out->kind == kind)
            return true;
    return false;
}

/* ---- The file ---- */

bool memory_may_return(const struct snapshot_record *record)
{
    return record->kind == SNAPSHOT_MEMBER &&
           record->as.member.reason != SHOAL_REASON_LEFT;
}

static bool list_members(struct node_memory *memory)
{
    struct snapshot_record record;
    size_t at = 0, before = 0, count = 0;
    while (memory_next(memory, &at, &record))
        count += memory_may_return(&record);
    memory->unheard = malloc((count + 1) * sizeof *memory->unheard);
    if (!memory->unheard)
        return false;
    for (at = 0; memory_next(memory, &at, &record); before = at)
        if (memory_may_return(&record))
            memory->unheard[memory->num_unheard++] = before;
    return true;
}

void memory_drop_former(struct node_memory *memory)
{
    snapshot_free(memory->former, memory->former_size);
    free(memory->unheard);
    memory->former = NULL;
    memory->unheard = NULL;
    memory->former_size = memory->num_unheard = 0;
}

int memory_adopt(struct node_memory *memory, uint8_t *bytes, size_t size,
                 const char *label, const char **problem, struct error *error)
{
    int result = 0;
    *problem = snapshot_problem(bytes_of(bytes, size), label);
    memory->former = bytes;
    memory->former_size = size;
    if (!*problem && !list_members(memory))
        result = error_fail(error, "out of memory");
    if (*problem || result != 0)
        memory_drop_former(memory);
    return result;
}

/* ---- Keys ---- */

static void hash_keys(const struct seal_keys *keys, uint8_t out[CRYPTO_HASH])
{
    uint8_t all[SEAL_MAX_KEYS * CRYPTO_KEY];
    for (unsigned i = 0; i < keys->count; i++)
        memcpy(all + i * CRYPTO_KEY, keys->list[i].bytes, CRYPTO_KEY);
    crypto_digest(all, keys->count * (size_t)CRYPTO_KEY, out);
    crypto_wipe(all, sizeof all);
}

static void read_keys(struct node_memory *memory, struct seal_keys *out)
{
    struct snapshot_record record;
    size_t at = 0;
    while (memory_next(memory, &at, &record)) {
        struct seal_key key = {.stage = record.as.secret.stage,
                               .made_ms = record.as.secret.made_ms,
                               .until_ms = record.as.secret.until_ms};
        if (record.kind != SNAPSHOT_SECRET)
            continue;
        memcpy(key.bytes, record.as.secret.bytes, sizeof key.bytes);
        (void)seal_keys_put(out, &key, NULL); /* none is there twice */
        crypto_wipe(&key, sizeof key);
    }
    crypto_wipe(&record, sizeof record);
}

/* They are in the seal now; the file in our memory needs them no more. */
static void wipe_keys(struct node_memory *memory)
{
    struct snapshot_record record;
    size_t at = 0;
    while (memory_next(memory, &at, &record))
        if (record.kind == SNAPSHOT_SECRET) /* the last bytes of it */
            memset(memory->former + SNAPSHOT_HEAD + at - SNAPSHOT_KEY, 0,
                   SNAPSHOT_KEY);
    crypto_wipe(&record, sizeof record);
}

/* All keys of the second are in the first, too. */
static bool has_all(const struct seal_keys *keys, const struct seal_keys *of)
{
    for (unsigned i = 0; i < of->count; i++) {
        const struct seal_key *key = seal_keys_find(keys, of->list[i].id);
        if (!key || memcmp(key->bytes, of->list[i].bytes, CRYPTO_KEY) != 0)
            return false;
    }
    return true;
}

/* Was the file given what a rotation brought? The first key is the one that was
 * used, and no other is new. */
static bool has_followed(const struct seal_keys *given,
                         const struct seal_keys *former)
{
    return has_all(former, given) && former->count > 0 &&
           memcmp(former->list[0].bytes, given->list[0].bytes, CRYPTO_KEY) == 0;
}

/* They may be the only ones that open the cluster, and the key file a wrong
 * one: the file that has them stays. */
static void set_keys_aside(struct node *node)
{
    const struct state_folder *folder = &node->memory->folder;
    struct error error;
    if (state_file_keep(folder, &error) == 0)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "the key file has changed: remembered keys are not used, and "
                 "the memory that has them was set aside",
                 log_str("folder", folder->path));
    else
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "the key file has changed: remembered keys are not used, and "
                 "the memory that has them cannot be set aside",
                 log_str("folder", folder->path), log_str("error", error.text));
}

static void leave_keys(struct node *node, const struct seal_keys *given,
                       const struct seal_keys *former)
{
    if (has_all(given, former))
        log_line(&node->log, LOG_INFO, LOG_SCRIPT,
                 "the key file has changed: its keys are used",
                 log_str("folder", node->memory->folder.path));
    else
        set_keys_aside(node);
}

int memory_take_keys(struct node *node, struct error *error)
{
    struct seal *seal = node->backend->ops->seal(node->backend);
    struct seal_keys *keys = seal ? seal_get_keys(seal) : NULL;
    struct node_memory *memory = node->memory;
    struct snapshot_record ring;
    struct seal_keys former = {0};
    if (!memory)
        return 0;
    bool had_keys = find(memory, SNAPSHOT_RING, &ring);
    if (!keys)
        return had_keys
                   ? error_fail(error,
                                "the memory in %s has keys, and none is "
                                "given: give one, or remove the file to go on "
                                "without",
                                memory->folder.path)
                   : 0;
    hash_keys(keys, memory->given);
    memory->has_keys = true;
    if (had_keys)
        read_keys(memory, &former);
    if (had_keys && memcmp(ring.as.given, memory->given, CRYPTO_HASH) != 0 &&
        !has_followed(keys, &former)) {
        leave_keys(node, keys, &former);
        former.count = 0;
    }
    if (former.count > 0) {
        *keys = former;
        seal_keys_changed(seal);
    }
    crypto_wipe(&former, sizeof former);
    wipe_keys(memory);
    return 0;
}

/* ---- The store ---- */

/* Without memory for it nobody may go on: the next snapshot would be without.
 */
int memory_take_store(struct node *node, struct error *error)
{
    struct snapshot_record record;
    if (!find(node->memory, SNAPSHOT_STORE, &record) ||
        !store_persists(node->current))
        return 0;
    int failure = store_load(node->current, record.bytes, error);
    if (failure == SHOAL_ERR_NOMEM)
        return -1;
    if (failure != 0)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "the remembered store cannot be used",
                 log_str("error", error->text));
    return 0;
}

/* ---- Who we were ---- */

shoal_bytes memory_former_id(const struct node *node)
{
    struct snapshot_record record;
    if (!find(node->memory, SNAPSHOT_SELF, &record))
        return (shoal_bytes){0};
    return record.as.self.id;
}

/* Topics may be impossible with the config of this life: then there is nothing
 * to resume. */
static int resume_topics(struct node *node, bool is_same)
{
    struct snapshot_record record;
    uint64_t now_us = node->backend->ops->now_us(node->backend);
    size_t at = 0;
    int error = 0;
    while (error != SHOAL_ERR_NOMEM && memory_next(node->memory, &at, &record))
        if (record.kind == SNAPSHOT_TOPIC ||
            (record.kind == SNAPSHOT_FLOOR && is_same))
            error = shoal_resume_topic(node_engine(node), now_us, record.bytes,
                                       is_same ? record.as.number : 0);
    return error == SHOAL_ERR_NOMEM ? error : 0;
}

int memory_resume(struct node *node)
{
    struct snapshot_record record;
    shoal *engine = node_engine(node);
    int error = 0;
    if (!find(node->memory, SNAPSHOT_SELF, &record))
        return 0;
    const struct snapshot_self *former = &record.as.self;
    bool is_same = bytes_equal(former->id, shoal_self(engine).id);
    if (is_same)
        error = shoal_resume(engine, node->backend->ops->now_us(node->backend),
                             former->incarnation, former->tags_version);
    return error ? error : resume_topics(node, is_same);
}

/* ---- Those that have not come back ---- */

static bool read_unheard(const struct node_memory *memory, size_t i,
                         struct snapshot_record *out)
{
    size_t at = memory->unheard[i];
    return memory_next(memory, &at, out);
}

static void drop(struct node_memory *memory, size_t i)
{
    memory->unheard[i] = memory->unheard[--memory->num_unheard];
}

static bool is_known(const struct node *node, shoal_bytes addr)
{
    shoal_member member;
    shoal *engine = node_engine(node);
    return bytes_equal(addr, shoal_self(engine).addr) ||
           shoal_find(engine, addr, &member);
}

static bool is_over(const struct node *node)
{
    const struct node_memory *memory = node->memory;
    uint64_t now_us = node->backend->ops->now_us(node->backend);
    return now_us - memory->begun_us >=
           shoal_get_config(node_engine(node))->remove_down_after_us;
}

void memory_prune(struct node *node)
{
    struct node_memory *memory = node->memory;
    struct snapshot_record record;
    if (memory->former && is_over(node)) {
        (void)node->backend->ops->recall(node->backend, NULL, NULL);
        memory_drop_former(memory);
    }
    for (size_t i = memory->num_unheard; i-- > 0;)
        if (!read_unheard(memory, i, &record) ||
            is_known(node, record.as.member.addr))
            drop(memory, i);
}

bool memory_forget(struct node *node, shoal_bytes addr)
{
    struct node_memory *memory = node->memory;
    struct snapshot_record record;
    for (size_t i = 0; memory && i < memory->num_unheard; i++) {
        if (!read_unheard(memory, i, &record) ||
            !bytes_equal(record.as.member.addr, addr))
            continue;
        drop(memory, i);
        memory->touched = true;
        return true;
    }
    return false;
}

/* ---- Members ---- */

/* One that is not down was seen just now. */
struct snapshot_member memory_member(struct node *node,
                                     const shoal_member *member)
{
    bool is_down = member->state == SHOAL_DOWN;
    uint64_t wall_us = node->backend->ops->wall_us(node->backend);
    uint64_t ago_us =
        node->backend->ops->now_us(node->backend) - member->since_us;
    return (struct snapshot_member){
        .seen_ms = (is_down ? wall_us - ago_us : wall_us) / 1000,
        .state = member->state,
        .reason = member->reason,
        .id = member->id,
        .addr = member->addr,
        .endpoint = member->endpoint,
        .tags = shoal_last_tags(node_engine(node), member->id)};
}

/* ---- In Lua ---- */

static void push_gone(lua_State *L, const struct snapshot_member *member,
                      const char *state)
{
    lua_createtable(L, 0, 6);
    value_push_identity(L, member->id);
    lua_setfield(L, -2, "id");
    value_push_addr(L, member->addr);
    lua_setfield(L, -2, "addr");
    lua_pushstring(L, state);
    lua_setfield(L, -2, "state");
    if (member->reason != SHOAL_REASON_NONE) {
        lua_pushstring(L, shoal_reason_name(member->reason));
        lua_setfield(L, -2, "reason");
    }
    lua_pushnumber(L, (lua_Number)member->seen_ms / 1e3);
    lua_setfield(L, -2, "last_seen");
    templates_push_tags(L, member->tags);
    lua_setfield(L, -2, "tags");
}

static void push_down(lua_State *L, struct node *node, int list)
{
    const shoal *engine = node_engine(node);
    uint32_t cursor = 0;
    shoal_member member;
    while (shoal_next_member(engine, &cursor, &member)) {
        if (member.state != SHOAL_DOWN)
            continue;
        struct snapshot_member gone = memory_member(node, &member);
        push_gone(L, &gone, "down");
        lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
    }
}

void memory_push_gone(lua_State *L, struct node *node)
{
    const struct node_memory *memory = node->memory;
    struct snapshot_record record;
    luaL_checkstack(L, 10, "cannot list members");
    lua_newtable(L);
    int list = lua_gettop(L);
    push_down(L, node, list);
    for (size_t i = 0; memory && i < memory->num_unheard; i++) {
        if (!read_unheard(memory, i, &record) ||
            is_known(node, record.as.member.addr))
            continue;
        push_gone(L, &record.as.member, "remembered");
        lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
    }
}
