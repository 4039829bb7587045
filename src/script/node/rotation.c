/* SPDX-License-Identifier: MIT */
#include "rotation.h"

#include "../../base/bytes.h"
#include "../../lua/compat.h"
#include "../../lua/value.h"
#include "../../seal/seal.h"
#include "node.h"
#include "sends.h"

enum {
    TICK_US = 500 * 1000,
    AGAIN_US = 2 * 1000 * 1000, /* the key is sent again */
    SPEAK_US = 10 * 1000 * 1000,
    VERSION = 1,
    MESSAGE = 1 + 8 + CRYPTO_KEY
};

static struct seal *seal_of(const struct node *node)
{
    return node->backend->ops->seal(node->backend);
}

static uint64_t wall_ms(struct node *node)
{
    return node->backend->ops->wall_us(node->backend) / 1000;
}

/* Two of one moment have an order, too. */
static bool is_newer(const struct seal_key *a, const struct seal_key *b)
{
    if (a->made_ms != b->made_ms)
        return a->made_ms > b->made_ms;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) > 0;
}

/* The newest of a rotation; NULL: there was none. */
static struct seal_key *newest(struct seal_keys *keys)
{
    struct seal_key *found = NULL;
    for (unsigned i = 0; i < keys->count; i++) {
        struct seal_key *key = &keys->list[i];
        if (key->made_ms == 0 || key->stage == KEY_OLD)
            continue;
        if (!found || is_newer(key, found))
            found = key;
    }
    return found;
}

static void note(struct node *node, const char *text,
                 const struct seal_key *key)
{
    char id[SEAL_ID_TEXT];
    seal_key_format_id(key, id);
    log_line(&node->log, LOG_INFO, LOG_SCRIPT, text, log_str("key", id));
}

/* ---- What we say of our keys ---- */

int rotation_set_tags(struct node *node, shoal_bytes tags)
{
    uint8_t bytes[SHOAL_MAX_TAGS + RESERVED_TAG_ROOM];
    const struct rotation *rotation = &node->rotation;
    shoal *engine = node_engine(node);
    uint64_t now_us = node->backend->ops->now_us(node->backend);
    if (tags.size <= SHOAL_MAX_TAGS && rotation->tag_size > 0)
        tags = bytes_of(
            bytes,
            reserved_tag_put(tags, bytes_of(rotation->tag, rotation->tag_size),
                             bytes));
    return shoal_set_tags(engine, now_us, tags);
}

static void say(struct node *node, const struct seal_keys *keys)
{
    struct rotation *rotation = &node->rotation;
    uint8_t tag[RESERVED_TAG_MOST];
    uint8_t size = 0, before = rotation->tag_size;
    for (unsigned i = 0; i < keys->count; i++, size += 2)
        memcpy(tag + size, keys->list[i].id, 2);
    if (bytes_equal(bytes_of(tag, size), bytes_of(rotation->tag, before)) &&
        reserved_tag_of(shoal_self(node_engine(node)).tags).size == size)
        return;
    memcpy(rotation->tag, tag, size);
    rotation->tag_size = size;
    int error = rotation_set_tags(node, shoal_self(node_engine(node)).tags);
    if (error != 0 && !rotation->told)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "the tags cannot say which keys there are: the key of the "
                 "cluster cannot be changed",
                 log_str("error", shoal_error_text(error)));
    rotation->told = error != 0;
}

/* ---- What others say ---- */

static bool has(shoal_bytes ids, const uint8_t id[2])
{
    for (size_t i = 0; i + 2 <= ids.size; i += 2)
        if (memcmp(ids.data + i, id, 2) == 0)
            return true;
    return false;
}

static bool uses(shoal_bytes ids, const uint8_t id[2])
{
    return ids.size >= 2 && memcmp(ids.data, id, 2) == 0;
}

struct census {
    size_t lacking, unused;
    bool is_ours_to_send; /* nobody with a lesser address has it */
};

static bool next_active(const shoal *engine, uint32_t *cursor,
                        shoal_member *out)
{
    while (shoal_next_member(engine, cursor, out))
        if (out->state != SHOAL_DOWN)
            return true;
    return false;
}

static struct census count(const shoal *engine, const uint8_t id[2])
{
    struct census census = {0, 0, true};
    shoal_bytes ours = shoal_self(engine).addr;
    uint32_t cursor = 0;
    shoal_member member;
    while (next_active(engine, &cursor, &member)) {
        shoal_bytes ids = reserved_tag_of(member.tags);
        bool has_it = has(ids, id);
        census.lacking += !has_it;
        census.unused += !uses(ids, id);
        if (has_it && bytes_compare(member.addr, ours) < 0)
            census.is_ours_to_send = false;
    }
    return census;
}

/* ---- To those that do not have it ---- */

/* The key that such a member can open: one that it says it has, else the one
 * that we used before. */
static const struct seal_key *key_of(const struct seal_keys *keys,
                                     shoal_bytes ids)
{
    for (size_t i = 0; i + 2 <= ids.size; i += 2) {
        const struct seal_key *key = seal_keys_find(keys, ids.data + i);
        if (key)
            return key;
    }
    return keys->count > 1 ? &keys->list[1] : NULL;
}

static void speak_to(struct node *node, const struct seal_keys *keys,
                     const shoal_member *member)
{
    const struct seal_key *key = key_of(keys, reserved_tag_of(member->tags));
    if (key && node->backend->ops->speak)
        node->backend->ops->speak(node->backend, member->endpoint, key,
                                  SPEAK_US);
}

static void send_key(struct node *node, const struct seal_key *key,
                     shoal_bytes id)
{
    uint8_t message[MESSAGE] = {VERSION};
    bytes_put_big_endian(message + 1, key->made_ms, 8);
    memcpy(message + 9, key->bytes, CRYPTO_KEY);
    (void)shoal_send_to(node_engine(node),
                        node->backend->ops->now_us(node->backend), id, SEND_KEY,
                        bytes_of(message, sizeof message), 0);
    crypto_wipe(message, sizeof message);
}

static bool is_time(struct node *node)
{
    uint64_t now_us = node->backend->ops->now_us(node->backend);
    bool is_so = node->rotation.sent_us == 0 ||
                 now_us - node->rotation.sent_us >= AGAIN_US;
    if (is_so)
        node->rotation.sent_us = now_us;
    return is_so;
}

static void help(struct node *node, const struct seal_keys *keys,
                 const struct seal_key *key, bool sends)
{
    const shoal *engine = node_engine(node);
    uint8_t id[SHOAL_MAX_IDENTITY];
    uint32_t cursor = 0;
    shoal_member member;
    while (next_active(engine, &cursor, &member)) {
        if (has(reserved_tag_of(member.tags), key->id))
            continue;
        if (key == &keys->list[0])
            speak_to(node, keys, &member);
        size_t size = (size_t)(bytes_copy(id, member.id) - id);
        if (sends)
            send_key(node, key, bytes_of(id, size));
    }
}

/* ---- Using it, and the end of the others ---- */

static void use(struct node *node, struct seal *seal,
                const struct seal_key *key)
{
    struct seal_keys *keys = seal_get_keys(seal);
    char id[SEAL_ID_TEXT];
    seal_key_format_id(key, id);
    if (seal_keys_use(keys, id, NULL) != 0)
        return;
    keys->list[0].stage = KEY_CURRENT;
    for (unsigned i = 1; i < keys->count; i++) {
        keys->list[i].stage = KEY_OLD;
        keys->list[i].until_ms = 0;
    }
    seal_keys_changed(seal);
    memory_touch(node);
    note(node, "a new key of the cluster is used", &keys->list[0]);
}

static void end_old(struct node *node, struct seal *seal)
{
    struct seal_keys *keys = seal_get_keys(seal);
    uint64_t now_ms = wall_ms(node);
    uint64_t grace_ms = node->rotation.grace_us / 1000;
    char id[SEAL_ID_TEXT];
    for (unsigned i = keys->count; i-- > 1;) {
        struct seal_key *key = &keys->list[i];
        if (key->stage != KEY_OLD)
            continue;
        if (key->until_ms == 0 || key->until_ms > now_ms + grace_ms)
            key->until_ms = now_ms + grace_ms; /* a clock was set back */
        if (key->until_ms > now_ms)
            continue;
        note(node, "an old key of the cluster is removed", key);
        seal_key_format_id(key, id);
        (void)seal_keys_remove(keys, id, NULL);
        memory_touch(node);
    }
}

static void step(struct node *node)
{
    struct seal *seal = seal_of(node);
    struct seal_keys *keys = seal_get_keys(seal);
    struct seal_key *key = newest(keys);
    if (!key)
        return;
    struct census census = count(node_engine(node), key->id);
    if (census.lacking > 0)
        help(node, keys, key, census.is_ours_to_send && is_time(node));
    else if (key->stage == KEY_NEXT)
        use(node, seal, key);
    else if (census.unused == 0 && key == &keys->list[0])
        end_old(node, seal);
    say(node, keys);
    node->backend->ops->wake(node->backend);
}

static void on_time(void *context)
{
    struct node *node = context;
    if (node->phase == NODE_LIVE && !shoal_is_asking(node_engine(node)))
        step(node);
}

/* false: no memory. A rotation that nobody watches never ends, so it is not
 * begun then. */
static bool watch(struct node *node)
{
    struct backend *backend = node->backend;
    if (!node->rotation.timer)
        node->rotation.timer =
            backend->ops->timer_new(backend, 0, TICK_US, on_time, node);
    return node->rotation.timer != NULL;
}

int rotation_begin(struct node *node)
{
    struct seal *seal = seal_of(node);
    if (seal && newest(seal_get_keys(seal)) && !watch(node))
        return SHOAL_ERR_NOMEM;
    return 0;
}

/* ---- The key ---- */

/* The oldest, which comes last. Members that are there have all had the one in
 * use before anybody used it; the one before that is for those that were away.
 * NULL: there is none to spare. */
static const struct seal_key *spare(const struct seal_keys *keys)
{
    for (unsigned i = keys->count; i-- > 1;)
        if (keys->list[i].stage == KEY_OLD &&
            (i > 1 || keys->list[i].until_ms != 0))
            return &keys->list[i];
    return NULL;
}

static void make_room(struct node *node, struct seal_keys *keys)
{
    char id[SEAL_ID_TEXT];
    const struct seal_key *key =
        keys->count < SEAL_MAX_KEYS ? NULL : spare(keys);
    if (!key)
        return;
    note(node, "an old key of the cluster makes room", key);
    seal_key_format_id(key, id);
    (void)seal_keys_remove(keys, id, NULL);
}

static int add(struct node *node, const struct seal_key *key,
               struct error *error)
{
    struct seal *seal = seal_of(node);
    struct seal_keys *keys = seal_get_keys(seal);
    if (!watch(node))
        return error_fail(error, "out of memory");
    make_room(node, keys);
    if (seal_keys_put(keys, key, error) != 0)
        return -1;
    seal_keys_changed(seal);
    memory_touch(node);
    note(node, "a new key of the cluster", &keys->list[keys->count - 1]);
    return 0;
}

/* One that is made, or that `text` has. */
static int get_key(const char *text, size_t size, struct seal_key *key,
                   struct error *error)
{
    struct seal_keys read = {0};
    int result = 0;
    if (!text) {
        crypto_random(key->bytes, sizeof key->bytes);
        return 0;
    }
    result = seal_keys_add(&read, text, size, error);
    if (result == 0)
        memcpy(key->bytes, read.list[0].bytes, sizeof key->bytes);
    crypto_wipe(&read, sizeof read);
    return result;
}

int rotation_start(struct node *node, const char *text, size_t size,
                   char id[SEAL_ID_TEXT], struct error *error)
{
    struct seal_keys *keys = seal_get_keys(seal_of(node));
    struct seal_key key = {.stage = KEY_NEXT, .made_ms = wall_ms(node)};
    const struct seal_key *last = newest(keys);
    if (last && last->stage == KEY_NEXT) {
        seal_key_format_id(last, id);
        return error_fail(error,
                          "the key %s does not have its place yet: see who "
                          "lacks it",
                          id);
    }
    if (last && last->made_ms >= key.made_ms)
        key.made_ms = last->made_ms + 1;
    int result = get_key(text, size, &key, error);
    if (result == 0)
        result = add(node, &key, error);
    crypto_wipe(&key, sizeof key);
    if (result == 0)
        seal_key_format_id(&keys->list[keys->count - 1], id);
    return result;
}

static struct seal_key *find(struct seal_keys *keys,
                             const uint8_t bytes[CRYPTO_KEY])
{
    for (unsigned i = 0; i < keys->count; i++)
        if (memcmp(keys->list[i].bytes, bytes, CRYPTO_KEY) == 0)
            return &keys->list[i];
    return NULL;
}

/* A key file may have had it. */
static void adopt(struct node *node, struct seal_keys *keys,
                  struct seal_key *key, uint64_t made_ms)
{
    if (key->made_ms != 0 || !watch(node)) /* it is sent again */
        return;
    key->made_ms = made_ms;
    key->stage = key == &keys->list[0] ? KEY_CURRENT : KEY_NEXT;
    memory_touch(node);
}

void rotation_take(struct node *node, shoal_bytes message)
{
    struct seal *seal = seal_of(node);
    struct seal_key key = {.stage = KEY_NEXT};
    struct error error;
    if (!seal || message.size != MESSAGE || message.data[0] != VERSION)
        return;
    struct seal_keys *keys = seal_get_keys(seal);
    const struct seal_key *last = newest(keys);
    struct seal_key *same = find(keys, message.data + 9);
    key.made_ms = bytes_big_endian(message.data + 1, 8);
    memcpy(key.bytes, message.data + 9, CRYPTO_KEY);
    if (same)
        adopt(node, keys, same, key.made_ms);
    else if ((!last || is_newer(&key, last)) && add(node, &key, &error) != 0)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "the new key of the cluster cannot be taken",
                 log_str("error", error.text));
    crypto_wipe(&key, sizeof key);
    step(node);
}

/* ---- In Lua ---- */

/* Adds a list of the addresses of those that lack it, or do not use it. */
static void set_members(lua_State *L, const char *name, const shoal *engine,
                        const uint8_t id[2],
                        bool (*fine)(shoal_bytes ids, const uint8_t id[2]))
{
    uint32_t cursor = 0;
    shoal_member member;
    int n = 0;
    lua_newtable(L);
    while (next_active(engine, &cursor, &member)) {
        if (fine(reserved_tag_of(member.tags), id))
            continue;
        value_push_addr(L, member.addr);
        lua_rawseti(L, -2, ++n);
    }
    lua_setfield(L, -2, name);
}

enum stage { SPREADING, USING, GRACE, DONE };
static const char *const stage_names[] = {"spreading", "using", "grace",
                                          "done"};

static enum stage stage_of(const struct seal_keys *keys,
                           const struct seal_key *key,
                           const struct census *census)
{
    if (key->stage == KEY_NEXT)
        return SPREADING;
    if (census->unused > 0 || key != &keys->list[0])
        return USING;
    return keys->count > 1 ? GRACE : DONE;
}

/* In the grace, which begins for an old key at the next step of end_old(). */
static uint64_t removal_ms(struct node *node, const struct seal_key *key,
                           bool is_grace)
{
    if (is_grace && key->stage == KEY_OLD && key->until_ms == 0)
        return wall_ms(node) + node->rotation.grace_us / 1000;
    return key->until_ms;
}

static void set_removal(lua_State *L, struct node *node,
                        const struct seal_keys *keys, bool is_grace)
{
    uint64_t now_ms = wall_ms(node), until_ms = 0;
    for (unsigned i = 1; i < keys->count; i++) {
        uint64_t its_ms = removal_ms(node, &keys->list[i], is_grace);
        if (its_ms > until_ms)
            until_ms = its_ms;
    }
    if (until_ms == 0)
        return;
    lua_pushnumber(L,
                   until_ms > now_ms ? (double)(until_ms - now_ms) / 1e3 : 0);
    lua_setfield(L, -2, "removed_in");
}

void rotation_push(lua_State *L, struct node *node)
{
    struct seal_keys *keys = seal_get_keys(seal_of(node));
    const struct seal_key *key = newest(keys);
    const shoal *engine = node_engine(node);
    char id[SEAL_ID_TEXT];
    if (!key) {
        lua_pushnil(L);
        return;
    }
    struct census census = count(engine, key->id);
    luaL_checkstack(L, 8, "cannot tell of the rotation");
    seal_key_format_id(key, id);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, id);
    lua_setfield(L, -2, "key");
    enum stage stage = stage_of(keys, key, &census);
    lua_pushstring(L, stage_names[stage]);
    lua_setfield(L, -2, "stage");
    set_members(L, "lacks", engine, key->id, has);
    set_members(L, "unused", engine, key->id, uses);
    set_removal(L, node, keys, stage == GRACE);
}
