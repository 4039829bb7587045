/* SPDX-License-Identifier: MIT */
/* A stream keeps its last items; what has no place is refused, never lost. */
#include "../../src/core/table/stream.h"
#include "expect.h"

static void *resize(void *context, void *block, size_t old_size,
                    size_t new_size)
{
    size_t *fails = context;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    if (*fails > 0 && --*fails == 0)
        return NULL;
    return realloc(block, new_size);
}

struct fixture {
    struct mem mem;
    struct streams streams;
    struct topic_stream *stream;
    size_t fails; /* the allocation that does */
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){0};
    mem_init(&f->mem,
             (shoal_allocator){.context = &f->fails, .realloc = resize});
    f->stream = streams_add(&f->streams, &f->mem, 7);
    EXPECT(f->stream);
}

static void end(struct fixture *f)
{
    streams_clear(&f->streams, &f->mem);
    mem_clear(&f->mem);
    EXPECT(f->mem.held == 0);
}

static int put(struct fixture *f, uint64_t number)
{
    uint8_t byte = (uint8_t)number;
    return stream_put(&f->streams, &f->mem, f->stream, number, PART_LAST,
                      (shoal_bytes){&byte, 1}, number);
}

static void keeps_the_last(void)
{
    struct fixture f;
    begin(&f);
    for (uint64_t number = 1; number <= 2000; number++) {
        EXPECT(put(&f, number) == 1);
        EXPECT(put(&f, number) == 0);
        f.stream->due = f.stream->have = number + 1;
    }
    EXPECT(!stream_at(f.stream, 2000 - STREAM_RING));
    for (uint64_t number = 2001 - STREAM_RING; number <= 2000; number++) {
        const struct kept_item *held = stream_at(f.stream, number);
        EXPECT(held && held->size == 1 && held->bytes[0] == (uint8_t)number);
    }
    end(&f);
}

static void never_pushes_out_what_was_not_delivered(void)
{
    struct fixture f;
    begin(&f);
    EXPECT(put(&f, 2) == 1);
    EXPECT(put(&f, STREAM_RING) == 1);
    EXPECT(put(&f, STREAM_RING + 1) == 0);
    EXPECT(put(&f, UINT64_C(1) << 50) == 0);
    EXPECT(stream_at(f.stream, 2));
    EXPECT(stream_next_held(f.stream, 1) == 2);
    EXPECT(stream_next_held(f.stream, 3) == STREAM_RING);
    f.stream->top = 5000;
    EXPECT(stream_next_held(f.stream, STREAM_RING + 1) == 5001);
    end(&f);
}

static void forgets_the_old_and_what_is_too_much(void)
{
    struct fixture f;
    begin(&f);
    for (uint64_t number = 1; number <= 20; number++)
        EXPECT(put(&f, number) == 1);
    f.stream->due = 11;
    EXPECT(stream_expire(&f.streams, &f.mem, f.stream, 100));
    EXPECT(!stream_at(f.stream, 10) && stream_at(f.stream, 11));
    EXPECT(f.streams.bytes == 10 * (sizeof(struct kept_item) + 1));
    size_t half = f.streams.bytes / 2;
    streams_bound(&f.streams, &f.mem, half);
    EXPECT(f.streams.bytes <= half);
    EXPECT(stream_at(f.stream, 11) && !stream_at(f.stream, 20)); /* waiting */
    f.stream->due = f.stream->have = 14;
    streams_bound(&f.streams, &f.mem, half - 1);
    EXPECT(!stream_at(f.stream, 11) && stream_at(f.stream, 15)); /* delivered */
    f.stream->due = f.stream->have = 21;
    EXPECT(!stream_expire(&f.streams, &f.mem, f.stream, 100));
    EXPECT(f.streams.bytes == 0 && f.stream->room == 0);
    EXPECT(put(&f, 21) == 1);
    end(&f);
}

static void stands_in_order(void)
{
    struct fixture f;
    static const uint32_t hashes[] = {9, 3, UINT32_MAX, 0, 5, 1, 8, 2, 6};
    begin(&f);
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        EXPECT(streams_add(&f.streams, &f.mem, hashes[i]));
    for (uint32_t i = 1; i < f.streams.count; i++)
        EXPECT(f.streams.list[i - 1]->hash < f.streams.list[i]->hash);
    EXPECT(streams_find(&f.streams, 5)->hash == 5);
    EXPECT(!streams_find(&f.streams, 4));
    streams_remove(&f.streams, &f.mem, streams_find(&f.streams, 5));
    EXPECT(!streams_find(&f.streams, 5) && f.streams.count == 9);
    end(&f);
}

static void is_whole_when_memory_is_out(void)
{
    struct fixture f;
    for (size_t fails = 1; fails < 6; fails++) {
        begin(&f);
        f.fails = fails;
        for (uint64_t number = 1; number <= 100; number++)
            if (put(&f, number) < 0)
                EXPECT(!stream_at(f.stream, number));
        f.fails = 0;
        end(&f);
    }
}

int main(void)
{
    keeps_the_last();
    never_pushes_out_what_was_not_delivered();
    forgets_the_old_and_what_is_too_much();
    stands_in_order();
    is_whole_when_memory_is_out();
    return expect_done();
}
