/* SPDX-License-Identifier: MIT */
/* What may be tags, and what may not. */
#include "../../src/wire/tag_map.h"
#include "expect.h"

#define COUNT(list) (sizeof list / sizeof *list)
#define NAME_31     "61616161616161616161616161616161616161616161616161616161616161"
#define NAME_64     NAME_31 NAME_31 "6161"
#define ARRAYS_15   "919191919191919191919191919191"

/* In memory of their size, so that a read behind them is found. */
static const char *problem_of(const char *hex)
{
    struct bytes tags = bytes_of_hex(hex);
    const char *problem = tag_map_check((shoal_bytes){tags.data, tags.size});

    expect_subject = hex;
    free(tags.data);
    return problem;
}

static void are_a_map_of_names_in_order(void)
{
    static const char *const good[] = {
        "80",
        "81a16107",
        "82a16101a16202",
        "82a16101a2616102",         /* by their encodings: the shorter first */
        "81bf" NAME_31 "01",        /* 31 bytes */
        "81d940" NAME_64 "01",      /* 64 bytes */
        "81a161cfffffffffffffffff", /* more than a double holds */
        "81a161cb3ff8000000000000", /* 1.5 */
        "81a16182a16101a162920102", /* a map with an array */
        "81a161" ARRAYS_15 "01",    /* 16 inside each other */
        "8100c402abcd",             /* the node's own alone */
        "8200c402abcda16101",       /* and before others */
        "81a161a0",                 /* an empty text */
        "81a161820ac2a162c3",       /* a map in a tag may have other keys */
    };

    for (size_t i = 0; i < COUNT(good); i++)
        EXPECT(problem_of(good[i]) == NULL);
}

static void are_nothing_else(void)
{
    static const char *const bad[] = {
        "",
        "c1c1",
        "07",
        "a3616263",
        "920102",
        "81a161",                  /* cut off */
        "8fa16101",                /* cut off, as its count says */
        "81a1610101",              /* a byte behind it */
        "de0001a16101",            /* not the shortest head */
        "810501",                  /* a number as a name */
        "810001",                  /* the node's own tag is a bin */
        "8200c402abcd00c402abcd",  /* and there is one */
        "82a1610100c402abcd",      /* and it is the first */
        "81c4016101",              /* a bin as a name */
        "81a001",                  /* a name without a byte */
        "81d941" NAME_64 "6101",   /* one of 65 */
        "81d9016101",              /* not the shortest head */
        "82a16101a16102",          /* twice */
        "82a16101d9016102",        /* twice, in another form */
        "82a16201a16102",          /* out of order */
        "81a161c0",                /* nil */
        "81a16191c0",              /* nil in an array */
        "81a161d40100",            /* ext */
        "81a161c40161",            /* bin */
        "81a161cc07",              /* not the smallest integer */
        "81a161ca3fc00000",        /* a float of 32 bits */
        "81a16182a16201a16102",    /* a map out of order */
        "81a16181c001",            /* nil as a key */
        "81a161819001",            /* an array as a key */
        "81a16180",                /* an empty table is an array */
        "81a161" ARRAYS_15 "9101", /* 17 inside each other */
    };

    for (size_t i = 0; i < COUNT(bad); i++)
        EXPECT(problem_of(bad[i]) != NULL);
}

int main(void)
{
    are_a_map_of_names_in_order();
    are_nothing_else();
    return expect_done();
}
