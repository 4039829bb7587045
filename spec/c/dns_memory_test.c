/* SPDX-License-Identifier: MIT */
/* The table of DNS without memory: whichever allocation fails, the member is
 * there whole or not at all, and the others are as they were. */
#include "dns_zone.h"

/* The linker puts ours in front of these (--wrap). */
extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t count, size_t size);
extern void *__real_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static long left = -1; /* allocations that succeed; below 0: all */

static bool fails(void)
{
    if (left < 0)
        return false;
    return left == 0 || left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

static unsigned count_of(struct zone *zone, const char *name)
{
    static uint8_t out[ANSWER_MAX];
    (void)zone_ask(zone, name, DNS_A, 0, true, out);
    return zone_count(out, 1);
}

static int put_another(struct zone *zone)
{
    shoal_bytes tags[] = {bytes_of_text("v2"), bytes_of_text("a.b.c")};
    struct table_service services[] = {
        {bytes_of_text("web"), bytes_of_text("10.9.9.9"), 80, 1, true, tags, 2},
        {bytes_of_text("db"), bytes_of_text("x.test"), 81, 1, false, tags, 2}};
    struct table_description member = {.name = bytes_of_text("x.y"),
                                       .host = bytes_of_text("fd00::1"),
                                       .texts = tags,
                                       .num_texts = 2,
                                       .services = services,
                                       .num_services = 2};
    return table_put(zone->table, bytes_of_text("another"), &member);
}

int main(void)
{
    struct zone zone;
    long n;
    int result;
    zone_open(&zone);
    for (unsigned i = 1; i <= 64; i++) /* the tables grow with the next one */
        zone_put(&zone, i, 1, true);
    for (n = 0;; n++) {
        left = n;
        result = put_another(&zone);
        left = -1;
        if (result == 0)
            break;
        EXPECT(result == SHOAL_ERR_NOMEM);
        EXPECT(table_num_members(zone.table) == 64);
        EXPECT(count_of(&zone, "web.service.shoal") == 64);
        EXPECT(!table_find(zone.table, bytes_of("\2v2\3web\7service", 15)));
        EXPECT(!table_find(zone.table, bytes_of("\1y\4node", 7)));
    }
    EXPECT(n > 10);
    EXPECT(count_of(&zone, "web.service.shoal") == 65);
    EXPECT(count_of(&zone, "a.b.c.web.service.shoal") == 1);
    table_drop(zone.table, bytes_of_text("another"));
    EXPECT(count_of(&zone, "web.service.shoal") == 64);
    EXPECT(!table_find(zone.table, bytes_of("\1y\4node", 7)));
    table_free(zone.table);
    return expect_done();
}
