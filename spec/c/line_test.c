/* SPDX-License-Identifier: MIT */
/* The line in which down members stand: whatever is put in and taken out, it is
 * what a plain list would be, in no more memory than it needs. */
#include "../../src/base/rng.h"
#include "../../src/core/table/line.h"
#include "../../src/core/table/member.h"
#include "expect.h"

enum { MOST = 400, STEPS = 200000 };

static struct mem mem;

/* What the line should be: slots, the oldest first, and where each stands. */
struct model {
    struct line line;
    uint32_t slots[MOST], count;
    uint32_t at[MOST]; /* by slot */
    bool in[MOST];
    unsigned moves;
};

static void on_moved(void *context, uint32_t slot, uint32_t at)
{
    struct model *model = context;

    EXPECT(model->in[slot]);
    EXPECT(at <= model->at[slot]); /* it only ever closes up */
    model->at[slot] = at;
    model->moves++;
}

static void append(struct model *model, uint32_t slot)
{
    EXPECT(line_reserve(&model->line, &mem, on_moved, model));
    model->at[slot] = line_append(&model->line, slot);
    model->slots[model->count++] = slot;
    model->in[slot] = true;
}

static void take_out(struct model *model, uint32_t i)
{
    uint32_t slot = model->slots[i];

    line_remove(&model->line, model->at[slot]);
    model->in[slot] = false;
    model->count--;
    memmove(&model->slots[i], &model->slots[i + 1],
            (model->count - i) * sizeof *model->slots);
}

/* Holes aside, its slots are those of the model, in the same order. */
static void expect_same(const struct model *model)
{
    const struct line *line = &model->line;
    uint32_t found = 0;

    EXPECT(line->count == model->count);
    for (uint32_t at = line->head; at < line->tail; at++) {
        if (line->slots[at] == NO_SLOT)
            continue;
        EXPECT(line->slots[at] == model->slots[found++]);
        EXPECT(model->at[line->slots[at]] == at);
    }
    EXPECT(found == model->count);
    if (model->count > 0)
        EXPECT(line_oldest(line) == model->slots[0]);
}

static uint32_t free_slot(const struct model *model, struct rng *rng)
{
    uint32_t slot = rng_below(rng, MOST);

    while (model->in[slot])
        slot = (slot + 1) % MOST;
    return slot;
}

/* ---- One thing at a time ---- */

static struct model *filled(uint32_t count)
{
    struct model *model = calloc(1, sizeof *model);

    if (!model)
        abort();
    for (uint32_t slot = 0; slot < count; slot++)
        append(model, slot);
    return model;
}

static void discard(struct model *model)
{
    line_clear(&model->line, &mem);
    EXPECT(model->line.capacity == 0 && model->line.slots == NULL);
    free(model);
}

static void keeps_the_order(void)
{
    struct model *model = filled(9);

    expect_same(model);
    EXPECT(line_oldest(&model->line) == 0);
    EXPECT(line_from_end(&model->line, 0) == 8);
    discard(model);
}

static void leaves_holes_where_others_stay(void)
{
    struct model *model = filled(9);
    uint32_t before = model->at[7];

    take_out(model, 3);
    take_out(model, 3);
    EXPECT(model->at[7] == before);
    expect_same(model);
    discard(model);
}

/* The one that stands at a rank from the end, or, in a hole, the next older. */
static void ranks_from_the_end(void)
{
    struct model *model = filled(6); /* 0 1 2 3 4 5 */

    for (uint32_t rank = 0; rank < 6; rank++)
        EXPECT(line_from_end(&model->line, rank) == 5 - rank);
    take_out(model, 3);
    take_out(model, 2); /* 0 1 - - 4 5 */
    EXPECT(line_from_end(&model->line, 1) == 4);
    EXPECT(line_from_end(&model->line, 2) == 1);
    EXPECT(line_from_end(&model->line, 3) == 1);
    EXPECT(line_from_end(&model->line, 5) == 0);
    EXPECT(line_from_end(&model->line, 99) == 0); /* beyond: the oldest */
    take_out(model, 0);
    take_out(model, 2); /* - 1 - - 4 - */
    EXPECT(line_from_end(&model->line, 0) == 4);
    EXPECT(line_from_end(&model->line, 99) == 1);
    discard(model);
}

static void is_empty_and_full_again(void)
{
    struct model *model = filled(40);

    while (model->count > 0)
        take_out(model, model->count / 2);
    expect_same(model);
    EXPECT(model->line.head == 0 && model->line.tail == 0);
    for (uint32_t slot = 0; slot < 40; slot++)
        append(model, slot);
    expect_same(model);
    EXPECT(model->moves == 0);
    discard(model);
}

/* A stream in which few are in at a time: holes are closed up, nothing grows.
 */
static void does_not_grow_with_what_passes_through(void)
{
    struct model *model = filled(10);
    uint32_t capacity = model->line.capacity;
    struct rng rng = {1};

    for (uint32_t i = 0; i < 10000; i++) {
        take_out(model, i % 10);
        append(model, free_slot(model, &rng));
    }
    EXPECT(model->line.capacity == capacity);
    EXPECT(model->moves > 0);
    EXPECT(model->moves <= 10 * 10000); /* O(1) each, amortized */
    expect_same(model);
    discard(model);
}

/* ---- Anything, at random ---- */

static void is_a_list_whatever_comes(void)
{
    struct model *model = filled(0);
    struct rng rng = {1};
    uint32_t most = 0;

    for (unsigned step = 0; step < STEPS; step++) {
        /* Waves, so that it is nearly full and nearly empty. */
        bool grows = rng_below(&rng, 100) < (step / 2000 % 2 ? 80u : 20u);

        if (grows && model->count < MOST)
            append(model, free_slot(model, &rng));
        else if (model->count > 0)
            take_out(model,
                     rng_below(&rng, 4) ? rng_below(&rng, model->count) : 0);
        most = model->count > most ? model->count : most;
        if (step % 97 == 0)
            expect_same(model);
    }
    EXPECT(most == MOST);
    EXPECT(model->line.capacity <= 3 * MOST);
    EXPECT(model->moves <= 4 * STEPS);
    discard(model);
}

/* ---- Without memory ---- */

static void *no_memory(void *context, void *block, size_t old, size_t size)
{
    (void)context;
    (void)block;
    (void)old;
    (void)size;
    return NULL;
}

static void says_that_there_is_no_memory(void)
{
    struct model *model = filled(16);
    struct mem poor;

    mem_init(&poor, (shoal_allocator){.realloc = no_memory});
    EXPECT(!line_reserve(&model->line, &poor, on_moved, model));
    expect_same(model);
    take_out(model, 4); /* there is room again without any, then */
    take_out(model, 4);
    take_out(model, 4);
    take_out(model, 4);
    EXPECT(line_reserve(&model->line, &poor, on_moved, model));
    expect_same(model);
    discard(model);
}

int main(void)
{
    mem_init(&mem, (shoal_allocator){0});
    keeps_the_order();
    leaves_holes_where_others_stay();
    ranks_from_the_end();
    is_empty_and_full_again();
    does_not_grow_with_what_passes_through();
    is_a_list_whatever_comes();
    says_that_there_is_no_memory();
    EXPECT(mem.held == 0);
    return expect_done();
}
