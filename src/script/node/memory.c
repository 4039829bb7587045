/* SPDX-License-Identifier: MIT */
#include "memory_parts.h"

#include "../../lua/compat.h"
#include "../../lua/value.h"
#include "node.h"

#include <stdlib.h>

/* ---- Opening ---- */

/* A disk in trouble. The node goes on without. */
static void go_without(struct node *node, struct node_memory *memory,
                       const char *error)
{
    log_line(&node->log, LOG_WARN, LOG_SCRIPT,
             "cannot use the memory on disk: going on without",
             log_str("error", error));
    state_folder_close(&memory->folder);
    free(memory);
}

/* false: what is there must not be written over. */
static bool set_aside(struct node *node, struct node_memory *memory,
                      const char *problem)
{
    struct error error;
    if (state_file_set_aside(&memory->folder, &error) != 0) {
        go_without(node, memory, error.text);
        return false;
    }
    log_line(&node->log, LOG_WARN, LOG_SCRIPT,
             "the memory on disk was set aside: it cannot be used",
             log_str("folder", memory->folder.path), log_str("error", problem));
    return true;
}

static int read_file(struct node *node, struct node_memory *memory,
                     struct error *error)
{
    uint8_t *bytes;
    size_t size;
    const char *problem = NULL;
    int result = state_file_read(&memory->folder, &bytes, &size, error);
    if (result == STATE_REFUSED)
        return -1;
    if (result != 0)
        problem = error->text;
    else if (bytes && memory_adopt(memory, bytes, size, node->cluster, &problem,
                                   error) != 0)
        return -1;
    if (!problem || set_aside(node, memory, problem))
        node->memory = memory;
    return 0;
}

int memory_open(struct node *node, const char *folder, uint64_t every_us,
                struct error *error)
{
    struct node_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return error_fail(error, "out of memory");
    memory->every_us = every_us;
    saver_init(&memory->saver, &memory->folder);
    int result = state_folder_open(&memory->folder, folder, error);
    if (result == STATE_TROUBLE) {
        go_without(node, memory, error->text);
        return 0;
    }
    if (result == 0)
        result = read_file(node, memory, error);
    if (result == 0)
        return 0;
    state_folder_close(&memory->folder);
    free(memory);
    return -1;
}

/* ---- Writing ---- */

static void note_failure(struct node *node, const char *error)
{
    struct node_memory *memory = node->memory;
    memory->failed++;
    memory->seen = 0; /* it is worth another attempt */
    error_fail(&memory->error, "%s", error);
    if (!memory->told)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "cannot write the memory on disk", log_str("error", error));
    memory->told = true;
}

static void note_success(struct node *node)
{
    struct node_memory *memory = node->memory;
    memory->written++;
    memory->written_us = node->backend->ops->wall_us(node->backend);
    memory->error.text[0] = '\0';
    if (memory->told)
        log_line(&node->log, LOG_INFO, LOG_SCRIPT,
                 "the memory on disk is written again",
                 log_num("failed", (double)memory->failed));
    memory->told = false;
}

static void note(struct node *node, enum saver_state state,
                 const struct error *error)
{
    if (state == SAVER_FAILED)
        note_failure(node, error->text);
    else if (state == SAVER_SAVED)
        note_success(node);
}

static void begin_write(struct node *node, uint64_t state)
{
    struct node_memory *memory = node->memory;
    struct error error = {"out of memory, or it is larger than 64 MiB"};
    uint8_t *bytes;
    size_t size;
    memory->seen = state;
    memory->touched = false;
    if (!memory_gather(node, &bytes, &size) ||
        saver_begin(&memory->saver, bytes, size, &error) != 0)
        note_failure(node, error.text);
}

static void write_changes(struct node *node)
{
    struct node_memory *memory = node->memory;
    memory_pack_store(node);
    uint64_t state = memory_state(node);
    if (state != memory->seen || memory->touched)
        begin_write(node, state);
}

static void on_time(void *context)
{
    struct node *node = context;
    struct node_memory *memory = node->memory;
    struct error error;
    enum saver_state state = saver_poll(&memory->saver, &error);
    if (node->phase != NODE_LIVE || state == SAVER_BUSY)
        return;
    note(node, state, &error);
    memory_prune(node);
    write_changes(node);
}

int memory_watch(struct node *node)
{
    struct node_memory *memory = node->memory;
    struct backend *backend = node->backend;
    if (!memory)
        return 0;
    memory->begun_us = backend->ops->now_us(backend);
    memory->timer = backend->ops->timer_new(backend, memory->every_us,
                                            memory->every_us, on_time, node);
    return memory->timer ? 0 : SHOAL_ERR_NOMEM;
}

static void ask_for(struct node *node, shoal_bytes endpoint)
{
    char text[SHOAL_MAX_IDENTITY + 1];
    struct error error;
    memcpy(text, endpoint.data, endpoint.size);
    text[endpoint.size] = '\0';
    if (node->backend->ops->recall(node->backend, text, &error) != 0)
        log_line(&node->log, LOG_DEBUG, LOG_SCRIPT,
                 "a remembered member cannot be asked",
                 log_str("error", error.text));
}

/* Seeds that we were given are asked anyway. */
static void ask_for_all(struct node *node)
{
    struct snapshot_record record;
    size_t at = 0;
    while (memory_next(node->memory, &at, &record)) {
        if (memory_may_return(&record))
            ask_for(node, record.as.member.endpoint);
        else if (record.kind == SNAPSHOT_SEED && record.bytes.size > 0 &&
                 record.bytes.size <= SHOAL_MAX_IDENTITY)
            ask_for(node, record.bytes);
    }
}

void memory_begin(struct node *node)
{
    const struct node_memory *memory = node->memory;
    if (!memory)
        return;
    node->birth.former = (shoal_bytes){0};
    ask_for_all(node);
    if (memory->former)
        log_line(&node->log, LOG_INFO, LOG_SCRIPT, "memory on disk read",
                 log_str("folder", memory->folder.path),
                 log_num("members", (double)memory->num_unheard));
    write_changes(node); /* the numbers that were skipped are used now */
}

void memory_touch(struct node *node)
{
    if (node->memory)
        node->memory->touched = true;
}

/* The loop may not run any more: now it waits for the disk. */
void memory_end(struct node *node, bool has_lua)
{
    struct node_memory *memory = node->memory;
    struct error error;
    if (!memory || !memory->timer || !node_engine(node))
        return;
    node->backend->ops->timer_cancel(node->backend, memory->timer);
    memory->timer = NULL;
    note(node, saver_wait(&memory->saver, &error), &error);
    memory_prune(node);
    if (has_lua)
        memory_pack_store(node);
    begin_write(node, memory_state(node));
    note(node, saver_wait(&memory->saver, &error), &error);
    if (memory->error.text[0] != '\0') /* also if that was said before */
        log_line(&node->log, LOG_ERROR, LOG_SCRIPT,
                 "the last state is not in the memory on disk",
                 log_str("folder", memory->folder.path),
                 log_str("error", memory->error.text));
}

void memory_free(struct node *node)
{
    struct node_memory *memory = node->memory;
    struct error error;
    if (!memory)
        return;
    (void)saver_wait(&memory->saver, &error);
    state_folder_close(&memory->folder);
    memory_drop_former(memory);
    free(memory->store);
    free(memory);
    node->memory = NULL;
}

/* ---- In Lua ---- */

void memory_push_info(lua_State *L, struct node *node)
{
    const struct node_memory *memory = node->memory;
    if (!memory) {
        lua_pushnil(L);
        return;
    }
    memory_prune(node);
    lua_createtable(L, 0, 6);
    lua_pushstring(L, memory->folder.path);
    lua_setfield(L, -2, "path");
    value_set_count(L, "written", memory->written);
    value_set_count(L, "failed", memory->failed);
    value_set_count(L, "remembered", memory->num_unheard);
    if (memory->written_us > 0) {
        lua_pushnumber(L, (lua_Number)memory->written_us / 1e6);
        lua_setfield(L, -2, "written_at");
    }
    if (memory->error.text[0] != '\0') {
        lua_pushstring(L, memory->error.text);
        lua_setfield(L, -2, "error");
    }
}
