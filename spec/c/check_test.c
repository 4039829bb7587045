/* SPDX-License-Identifier: MIT */
/* The check of MessagePack from outside: src/wire/check.h. */
#include "../../src/wire/check.h"
#include "expect.h"

/* Every form of value, complete. */
static const char *const values[] = {
    "00",
    "7f",
    "e0",
    "ff",
    "c0",
    "c2",
    "c3", /* fixed */
    "a0",
    "a3616263",
    "bf"
    "61616161616161616161616161616161"
    "616161616161616161616161616161",
    "d900",
    "d90161",
    "da000161",
    "db0000000161", /* str */
    "c400",
    "c40161",
    "c5000161",
    "c60000000161", /* bin */
    "c70001",
    "c7010161",
    "c800010161",
    "c9000000010161", /* ext */
    "d40161",
    "d5016161",
    "d60161616161",
    "d7016161616161616161",
    "d80161616161616161616161616161616161",
    "ca00000000",
    "cb0000000000000000", /* float */
    "cc00",
    "cd0000",
    "ce00000000",
    "cf0000000000000000",
    "d000",
    "d10000",
    "d200000000",
    "d30000000000000000",
    "90",
    "93010203",
    "dc0000",
    "dc0002c0c0",
    "dd00000000",
    "dd0000000101",
    "80",
    "8101c0",
    "de0000",
    "de00010102",
    "df00000000",
    "df000000010102",
    "8101 92 81 a161 90 c0",
    "9190",
    "929090",
    "93 9101 9102 8103 91c0",
    "9191919191919101",
    "8101 8102 8103 8104 05", /* nested */
};

/* Broken, however many bytes may follow. */
static const char *const broken[] = {
    "c1", "91c1", "92 01 c1", "8101c1", "8281 01 c1 02", "dd00000001c1",
};

static int whole(struct bytes bytes, size_t *used)
{
    return check_value(bytes.data, bytes.size, CHECK_DEPTH, used);
}

static void accepts_every_form_and_says_where_it_ends(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct bytes bytes = bytes_of_hex(values[i]);
        struct bytes longer = bytes_of_hex(values[i]);
        size_t used = 0;

        expect_subject = values[i];
        EXPECT(whole(bytes, &used) == 0);
        EXPECT(used == bytes.size);
        longer.data = realloc(longer.data, longer.size + 2);
        memcpy(longer.data + longer.size, "\xc1\xc1", 2);
        longer.size += 2;
        EXPECT(whole(longer, &used) == 0);
        EXPECT(used == bytes.size);
        free(bytes.data);
        free(longer.data);
    }
}

static void refuses_every_value_cut_short(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct bytes bytes = bytes_of_hex(values[i]);

        expect_subject = values[i];
        for (size_t size = 0; size < bytes.size; size++) {
            struct bytes part = bytes_copy_of(bytes.data, size);
            size_t used = 99;

            EXPECT(whole(part, &used) == SHOAL_ERR_MALFORMED);
            EXPECT(used == 99);
            free(part.data);
        }
        free(bytes.data);
    }
}

static void tells_a_value_cut_short_from_a_broken_one(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct bytes bytes = bytes_of_hex(values[i]);

        expect_subject = values[i];
        for (size_t size = 0; size <= bytes.size; size++) {
            struct bytes part = bytes_copy_of(bytes.data, size);
            struct check check;

            check_init(&check, 1 << 20, CHECK_DEPTH);
            EXPECT(check_more(&check, part.data, part.size) ==
                   (size < bytes.size ? CHECK_TRUNCATED : 0));
            EXPECT(size < bytes.size || check.used == size);
            free(part.data);
        }
        free(bytes.data);
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct bytes bytes = bytes_of_hex(broken[i]);
        struct check check;

        expect_subject = broken[i];
        check_init(&check, 1 << 20, CHECK_DEPTH);
        EXPECT(check_more(&check, bytes.data, bytes.size) ==
               SHOAL_ERR_MALFORMED);
        free(bytes.data);
    }
}

static void goes_on_where_it_stopped(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct bytes bytes = bytes_of_hex(values[i]);
        struct check check;

        expect_subject = values[i];
        check_init(&check, bytes.size, CHECK_DEPTH);
        for (size_t size = 0; size < bytes.size; size++) {
            struct bytes part = bytes_copy_of(bytes.data, size);

            /* What was walked is not looked at again. */
            memset(part.data, 0xc1, check.used);
            EXPECT(check_more(&check, part.data, size) == CHECK_TRUNCATED);
            free(part.data);
        }
        EXPECT(check_more(&check, bytes.data, bytes.size) == 0);
        EXPECT(check.used == bytes.size);
        free(bytes.data);
    }
}

static int within(const char *hex, size_t limit)
{
    struct bytes bytes = bytes_of_hex(hex);
    struct check check;
    int result;

    expect_subject = hex;
    check_init(&check, limit, CHECK_DEEPEST);
    result = check_more(&check, bytes.data, bytes.size);
    free(bytes.data);
    return result;
}

static void knows_from_the_head_what_cannot_fit(void)
{
    const size_t mega = 1 << 20;

    EXPECT(within("dd10000000", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("df08000000", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("dfffffffff", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("dbffffffff", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("c9ffffffff", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("db00100000", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("db000ffffb", mega) == CHECK_TRUNCATED);
    EXPECT(within("dd000ffffb", mega) == CHECK_TRUNCATED);
    EXPECT(within("dd000ffffc", mega) == SHOAL_ERR_MALFORMED);
    EXPECT(within("df0007fffd", mega) == CHECK_TRUNCATED);
    EXPECT(within("df0007fffe", mega) == SHOAL_ERR_MALFORMED);
    /* Each fits by itself; together they do not. */
    EXPECT(within("92 dd00080000", mega) == CHECK_TRUNCATED);
    EXPECT(within("93 a3616263", 6) == SHOAL_ERR_MALFORMED);
    EXPECT(within("93 a3616263", 7) == CHECK_TRUNCATED);
    EXPECT(within("91dd000000", 5) == SHOAL_ERR_MALFORMED);
    EXPECT(within("91dd000000", 6) == CHECK_TRUNCATED);
    EXPECT(within("00", 0) == SHOAL_ERR_MALFORMED);
    EXPECT(within("0000", 1) == 0);
}

static void refuses_a_count_above_the_bytes_left(void)
{
    static const char *const lies[] = {
        "dd10000000",   "ddffffffff",     "dc000201",       "9201",
        "8101",         "df7fffffff0102", "91dd0000000201", "d90261",
        "c6ffffffff61", "c9fffffffe0161",
    };

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct bytes bytes = bytes_of_hex(lies[i]);
        size_t used;

        expect_subject = lies[i];
        EXPECT(whole(bytes, &used) == SHOAL_ERR_MALFORMED);
        free(bytes.data);
    }
}

static void bounds_the_nesting(void)
{
    uint8_t nest[CHECK_DEEPEST + 2];
    size_t used;

    expect_subject = "nested arrays";
    memset(nest, 0x91, sizeof nest);
    for (unsigned depth = 0; depth <= CHECK_DEEPEST; depth++) {
        nest[depth] = 0xc0;
        EXPECT(check_value(nest, depth + 1, depth, &used) == 0);
        EXPECT(used == depth + 1);
        nest[depth] = 0x90; /* an empty one nests as well */
        EXPECT(check_value(nest, depth + 1, depth, &used) ==
               SHOAL_ERR_MALFORMED);
        nest[depth] = 0x91;
    }
    /* A larger bound than there is room for is that one. */
    nest[CHECK_DEEPEST + 1] = 0xc0;
    EXPECT(check_value(nest, sizeof nest, 1000, &used) == SHOAL_ERR_MALFORMED);
    /* Beside each other is not inside each other. */
    EXPECT(check_value((const uint8_t *)"\x93\x90\x91\x90\x90", 5, 3, &used) ==
           0);
    EXPECT(check_value((const uint8_t *)"\x93\x90\x91\x90\x90", 5, 2, &used) !=
           0);
}

static void agrees_with_itself_on_random_bytes(void)
{
    uint8_t bytes[24];
    uint64_t seed = 1;

    expect_subject = "random bytes";
    for (int round = 0; round < 300000; round++) {
        struct bytes exact;
        struct check check;
        size_t used = 0;
        int error, more;

        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(seed >> 56);
        }
        bytes[0] |= seed & 1 ? 0x80 : 0; /* a container more often */
        exact = bytes_copy_of(bytes, sizeof bytes);
        error = whole(exact, &used);
        check_init(&check, sizeof bytes, CHECK_DEPTH);
        for (size_t size = 0; size < sizeof bytes; size += 5)
            if (check_more(&check, bytes, size) != CHECK_TRUNCATED)
                break;
        more = check_more(&check, bytes, sizeof bytes);
        EXPECT(error == more);
        EXPECT(error || used == check.used);
        free(exact.data);
    }
}

static void reads_heads(void)
{
    static const struct {
        const char *hex;
        check_type type;
        uint8_t size;
        uint64_t body, count;
    } heads[] = {
        {"05", CHECK_UINT, 1, 0, 0},
        {"ff", CHECK_INT, 1, 0, 0},
        {"cd0100", CHECK_UINT, 1, 2, 0},
        {"cb", CHECK_FLOAT, 1, 8, 0},
        {"c0", CHECK_NIL, 1, 0, 0},
        {"c3", CHECK_BOOL, 1, 0, 0},
        {"a5", CHECK_STR, 1, 5, 0},
        {"da0102", CHECK_STR, 3, 258, 0},
        {"c6ffffffff", CHECK_BIN, 5, 4294967295u, 0},
        {"c703", CHECK_EXT, 2, 4, 0},
        {"d8", CHECK_EXT, 1, 17, 0},
        {"93", CHECK_ARRAY, 1, 0, 3},
        {"de0002", CHECK_MAP, 3, 0, 4},
        {"dfffffffff", CHECK_MAP, 5, 0, 8589934590u},
    };
    struct check_head head;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct bytes bytes = bytes_of_hex(heads[i].hex);

        expect_subject = heads[i].hex;
        EXPECT(check_head(bytes.data, bytes.size, &head) == 0);
        EXPECT(head.type == heads[i].type && head.size == heads[i].size);
        EXPECT(head.body == heads[i].body && head.count == heads[i].count);
        EXPECT(check_head(bytes.data, head.size - 1u, &head) ==
               CHECK_TRUNCATED);
        free(bytes.data);
    }
    EXPECT(check_head(NULL, 0, &head) == CHECK_TRUNCATED);
    EXPECT(check_head((const uint8_t *)"\xc1", 1, &head) ==
           SHOAL_ERR_MALFORMED);
}

/* The walk knows most sizes without reading a head. */
static void walks_as_far_as_the_head_says(void)
{
    uint8_t zeros[64] = {0};
    struct check_head head;
    size_t used;

    expect_subject = "each lead byte, then zeros";
    for (unsigned lead = 0; lead < 256; lead++) {
        zeros[0] = (uint8_t)lead;
        if (check_head(zeros, sizeof zeros, &head)) {
            EXPECT(lead == 0xc1);
            EXPECT(check_value(zeros, sizeof zeros, CHECK_DEPTH, &used) != 0);
            continue;
        }
        EXPECT(check_value(zeros, sizeof zeros, CHECK_DEPTH, &used) == 0);
        EXPECT(used == head.size + head.body + head.count);
    }
}

static void takes_no_bytes_at_all(void)
{
    struct check check;
    size_t used;

    expect_subject = "NULL";
    EXPECT(check_value(NULL, 0, CHECK_DEPTH, &used) == SHOAL_ERR_MALFORMED);
    check_init(&check, 10, CHECK_DEPTH);
    EXPECT(check_more(&check, NULL, 0) == CHECK_TRUNCATED);
}

int main(void)
{
    accepts_every_form_and_says_where_it_ends();
    refuses_every_value_cut_short();
    tells_a_value_cut_short_from_a_broken_one();
    goes_on_where_it_stopped();
    knows_from_the_head_what_cannot_fit();
    refuses_a_count_above_the_bytes_left();
    bounds_the_nesting();
    agrees_with_itself_on_random_bytes();
    reads_heads();
    walks_as_far_as_the_head_says();
    takes_no_bytes_at_all();
    return expect_done();
}
