/* SPDX-License-Identifier: MIT */
#include "backlog.h"

struct run {
    struct run *next, *prev;
    struct entry *head, *tail;
    uint16_t size;
    uint8_t left; /* transmissions */
};

void backlog_init(struct backlog *backlog, uint8_t frame)
{
    *backlog = (struct backlog){.frame = frame};
}

static size_t footprint(const struct entry *entry)
{
    return sizeof *entry + entry->size + entry->key_size;
}

static void count_urgency(struct backlog *backlog, const struct entry *entry,
                          int by)
{
    if (entry->urgency != URGENCY_NONE)
        backlog->num_urgent += (uint32_t)by;
    if (entry->urgency == URGENCY_NEWS)
        backlog->num_news += (uint32_t)by;
}

static void free_entry(struct backlog *backlog, struct mem *mem,
                       struct entry *entry)
{
    if (entry->owner)
        *entry->owner = NULL;
    backlog->count--;
    count_urgency(backlog, entry, -1);
    mem_free(mem, entry, footprint(entry));
}

void backlog_clear(struct backlog *backlog, struct mem *mem)
{
    while (backlog->first)
        backlog_remove(backlog, mem, backlog->first->head);
    mem_free(mem, backlog->unused, sizeof *backlog->unused);
    backlog->unused = NULL;
}

void backlog_hurry(struct backlog *backlog, struct entry *entry,
                   enum urgency urgency)
{
    count_urgency(backlog, entry, -1);
    entry->urgency = (uint8_t)urgency;
    count_urgency(backlog, entry, 1);
}

static bool goes_before(const struct run *run, uint8_t left, uint16_t size)
{
    return run->left > left || (run->left == left && run->size > size);
}

/* The run for (left, size), made if needed; looked for from `from` on (NULL:
 * the first one), which must not stand behind it. NULL: out of memory. */
static struct run *find_run(struct backlog *backlog, struct mem *mem,
                            struct run *from, uint8_t left, uint16_t size)
{
    struct run *prev = from ? from->prev : NULL;
    struct run *run = from ? from : backlog->first;
    for (; run && goes_before(run, left, size); run = run->next)
        prev = run;
    if (run && run->left == left && run->size == size)
        return run;

    struct run *made = backlog->unused;
    backlog->unused = NULL;
    if (!made)
        made = mem_alloc(mem, sizeof *made);
    if (!made)
        return NULL;
    *made = (struct run){.next = run, .prev = prev, .size = size, .left = left};
    if (run)
        run->prev = made;
    if (prev)
        prev->next = made;
    else
        backlog->first = made;
    return made;
}

static void drop_run(struct backlog *backlog, struct mem *mem, struct run *run)
{
    if (run->next)
        run->next->prev = run->prev;
    if (run->prev)
        run->prev->next = run->next;
    else
        backlog->first = run->next;
    if (backlog->unused)
        mem_free(mem, run, sizeof *run);
    else
        backlog->unused = run;
}

static void link_entry(struct run *run, struct entry *entry)
{
    entry->run = run;
    entry->next = NULL;
    entry->prev = run->tail;
    if (run->tail)
        run->tail->next = entry;
    else
        run->head = entry;
    run->tail = entry;
}

static void unlink_entry(struct entry *entry)
{
    struct run *run = entry->run;
    if (entry->next)
        entry->next->prev = entry->prev;
    else
        run->tail = entry->prev;
    if (entry->prev)
        entry->prev->next = entry->next;
    else
        run->head = entry->next;
}

void backlog_remove(struct backlog *backlog, struct mem *mem,
                    struct entry *entry)
{
    struct run *run = entry->run;
    unlink_entry(entry);
    if (!run->head)
        drop_run(backlog, mem, run);
    free_entry(backlog, mem, entry);
}

bool backlog_push(struct backlog *backlog, struct mem *mem, shoal_bytes bytes,
                  shoal_bytes key, uint8_t transmissions, struct entry **owner)
{
    struct entry head = {.owner = owner,
                         .size = (uint16_t)bytes.size,
                         .key_size = (uint16_t)key.size};
    struct entry *entry = mem_alloc(mem, footprint(&head));
    if (!entry)
        return false;
    struct run *run = find_run(backlog, mem, NULL, transmissions, head.size);
    if (!run) {
        mem_free(mem, entry, footprint(&head));
        return false;
    }
    *entry = head;
    entry->born = backlog->births++;
    bytes_copy(bytes_copy(entry->bytes, bytes), key);
    link_entry(run, entry);
    backlog->count++;
    if (owner) {
        struct entry *before = *owner;
        if (before)
            backlog_remove(backlog, mem, before);
        *owner = entry;
    }
    return true;
}

static size_t write_entry(const struct backlog *backlog, uint8_t *out,
                          const struct entry *entry)
{
    if (backlog->frame)
        bytes_put_u16be(out, entry->size | backlog->mark);
    bytes_copy(out + backlog->frame, bytes_of(entry->bytes, entry->size));
    return backlog->frame + (size_t)entry->size;
}

/* Puts an entry that was just sent where it belongs now. Entries come in
 * sending order, so the place of the last one is where to look from. */
static struct run *settle(struct backlog *backlog, struct mem *mem,
                          struct run *from, struct entry *entry)
{
    struct run *old = entry->run;
    uint8_t left = old->left - 1;
    if (left == 0) {
        backlog_remove(backlog, mem, entry);
        return from;
    }
    /* The old run goes first where this empties it: then one is at hand. */
    unlink_entry(entry);
    struct run *start = from ? from : old->next;
    if (!old->head)
        drop_run(backlog, mem, old);
    struct run *run = find_run(backlog, mem, start, left, entry->size);
    if (!run) /* no memory, so the old run was not emptied: stay there */
        run = old;
    link_entry(run, entry);
    return run == old ? from : run;
}

size_t backlog_fill(struct backlog *backlog, struct mem *mem, uint8_t *out,
                    size_t room, uint32_t limit, uint32_t *count)
{
    size_t written = 0;
    struct entry *sent[256];
    uint32_t n = 0;
    if (limit > 256)
        limit = 256;
    for (struct run *run = backlog->first; run && n < limit; run = run->next) {
        size_t size = run->size + (size_t)backlog->frame;
        for (struct entry *entry = run->head;
             entry && n < limit && room - written >= size;
             entry = entry->next) {
            written += write_entry(backlog, out + written, entry);
            sent[n++] = entry;
        }
    }
    struct run *from = NULL;
    for (uint32_t i = 0; i < n; i++)
        from = settle(backlog, mem, from, sent[i]);
    *count = n;
    return written;
}

struct entry *backlog_next(const struct backlog *backlog,
                           const struct entry *entry)
{
    if (!entry)
        return backlog->first ? backlog->first->head : NULL;
    if (entry->next)
        return entry->next;
    return entry->run->next ? entry->run->next->head : NULL;
}

struct entry *backlog_larger(const struct backlog *backlog, size_t size)
{
    const struct run *run = backlog->first;
    while (run && run->size <= size)
        run = run->next;
    return run ? run->head : NULL;
}

uint32_t backlog_cut(struct backlog *backlog, struct mem *mem, size_t size)
{
    uint32_t count = backlog->count;
    struct entry *entry;
    while ((entry = backlog_larger(backlog, size)))
        backlog_remove(backlog, mem, entry);
    return count - backlog->count;
}

static bool is_older(const struct entry *entry, const struct entry *other)
{
    return (int32_t)(entry->born - other->born) < 0;
}

struct entry *backlog_last(const struct backlog *backlog)
{
    const struct run *last = NULL;
    for (const struct run *run = backlog->first; run; run = run->next)
        if (!last || run->left < last->left || is_older(run->head, last->head))
            last = run;
    return last ? last->head : NULL;
}
