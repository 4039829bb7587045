/* SPDX-License-Identifier: MIT */
/* The default codec: golden bytes both ways, and bytes that nobody should
 * send. */
#include "../../src/shoal.h"
#include "expect.h"

/* Stock identities: {"addr": "a:1", "bump": 1} and so on. */
#define A "82a461646472a3613a31a462756d7001"
#define B "82a461646472a3623a32a462756d7002"
#define C "82a461646472a3633a33a462756d7003"

/* Calls of the allocator, where we can put ourselves in its place: glibc's
 * malloc gives way to a program's own, and the sanitizers bring theirs. */
static size_t allocations;
#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(__SANITIZE_THREAD__) && !HAS_FEATURE(address_sanitizer) &&        \
    !HAS_FEATURE(thread_sanitizer) && !HAS_FEATURE(memory_sanitizer)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    allocations++;
    return __libc_realloc(ptr, size);
}
#endif

static shoal_codec codec;

/* ---- Golden bytes ---- */

static const struct golden {
    uint8_t kind, number;
    uint16_t src_incarnation;
    const char *src, *dst, *peer;
    const char *header;
} golden[] = {
    {SHOAL_MSG_PING, 7, 0, A, B, NULL, "960100" A "00" B "07"},
    {SHOAL_MSG_ACK, 7, 3, B, A, NULL, "960101" B "03" A "07"},
    {SHOAL_MSG_PING_REQ, 200, 0, A, B, C, "970102" A "00" B "ccc8" C},
    {SHOAL_MSG_INDIRECT_PING, 200, 3, B, C, A, "970103" B "03" C "ccc8" A},
    {SHOAL_MSG_INDIRECT_ACK, 200, 127, C, B, A, "970104" C "7f" B "ccc8" A},
    {SHOAL_MSG_FORWARDED_ACK, 255, 128, B, A, C, "970105" B "cc80" A "ccff" C},
    {SHOAL_MSG_ANNOUNCE, 0, 65535, A, B, NULL, "950106" A "cdffff" B},
    {SHOAL_MSG_FEED, 0, 256, B, A, NULL, "950107" B "cd0100" A},
    {SHOAL_MSG_GOSSIP, 0, 255, A, C, NULL, "950108" A "ccff" C},
    {SHOAL_MSG_BROADCAST, 0, 0, A, C, NULL, "950109" A "00" C},
    {SHOAL_MSG_TURN_UNDEAD, 0, 0, C, A, NULL, "95010a" C "00" A},
    /* Identities of other types. */
    {SHOAL_MSG_PING, 0, 0, "01", "a3613a31", NULL,
     "960100"
     "01"
     "00"
     "a3613a31"
     "00"},
    {SHOAL_MSG_PING, 0, 0, "c40200ff", "9201c0", NULL,
     "960100"
     "c40200ff"
     "00"
     "9201c0"
     "00"},
};

static const struct golden_member {
    const char *id;
    uint16_t incarnation;
    uint8_t state;
    const char *member;
} golden_members[] = {
    {A, 0, SHOAL_ALIVE, "93" A "0000"},
    {B, 200, SHOAL_SUSPECT, "93" B "ccc801"},
    {C, 65535, SHOAL_DOWN, "93" C "cdffff02"},
    {"05", 7, SHOAL_ALIVE, "93050700"},
};

#define EACH(item, list)                                                       \
    (size_t item = 0; item < sizeof list / sizeof *list; item++)

static shoal_bytes spanning(struct bytes bytes)
{
    return (shoal_bytes){bytes.data, bytes.size};
}

static void encodes_and_decodes_every_header(void)
{
    for
        EACH(i, golden)
        {
            const struct golden *g = &golden[i];
            struct bytes src = bytes_of_hex(g->src), dst = bytes_of_hex(g->dst);
            struct bytes peer = bytes_of_hex(g->peer ? g->peer : "");
            struct bytes packet = bytes_of_hex(g->header);
            shoal_header header = {
                g->kind,       g->number,     g->src_incarnation,
                spanning(src), spanning(dst), spanning(peer)};
            uint8_t out[600];
            size_t size, used;

            expect_subject = g->header;
            EXPECT(codec.encode_header(NULL, &header, out, sizeof out, &size) ==
                   0);
            EXPECT(bytes_are(out, size, g->header));

            memset(&header, 0xee, sizeof header);
            EXPECT(codec.decode_header(NULL, spanning(packet), &header,
                                       &used) == 0);
            EXPECT(used == packet.size);
            EXPECT(header.kind == g->kind && header.number == g->number);
            EXPECT(header.src_incarnation == g->src_incarnation);
            EXPECT(bytes_are(header.src.data, header.src.size, g->src));
            EXPECT(bytes_are(header.dst.data, header.dst.size, g->dst));
            EXPECT(g->peer
                       ? bytes_are(header.peer.data, header.peer.size, g->peer)
                       : header.peer.size == 0);
            free(src.data);
            free(dst.data);
            free(peer.data);
            free(packet.data);
        }
}

static void encodes_and_decodes_every_member(void)
{
    for
        EACH(i, golden_members)
        {
            const struct golden_member *g = &golden_members[i];
            struct bytes id = bytes_of_hex(g->id),
                         bytes = bytes_of_hex(g->member);
            shoal_update member = {spanning(id), g->incarnation, g->state};
            uint8_t out[600];
            size_t size, used;

            expect_subject = g->member;
            EXPECT(codec.encode_member(NULL, &member, out, sizeof out, &size) ==
                   0);
            EXPECT(bytes_are(out, size, g->member));

            memset(&member, 0xee, sizeof member);
            EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) ==
                   0);
            EXPECT(used == bytes.size);
            EXPECT(bytes_are(member.id.data, member.id.size, g->id));
            EXPECT(member.incarnation == g->incarnation);
            EXPECT(member.state == g->state);
            free(id.data);
            free(bytes.data);
        }
}

/* ---- What decoding answers for some bytes ---- */

static int header_of(const char *hex)
{
    struct bytes packet = bytes_of_hex(hex);
    shoal_header header;
    size_t used = 12345;
    int error = codec.decode_header(NULL, spanning(packet), &header, &used);

    expect_subject = hex;
    EXPECT(error ? used == 12345 : used <= packet.size);
    free(packet.data);
    return error;
}

static int member_of(const char *hex)
{
    struct bytes bytes = bytes_of_hex(hex);
    shoal_update member;
    size_t used = 12345;
    int error = codec.decode_member(NULL, spanning(bytes), &member, &used);

    expect_subject = hex;
    EXPECT(error ? used == 12345 : used <= bytes.size);
    free(bytes.data);
    return error;
}

static void refuses_what_is_cut_short_at_any_byte(void)
{
    for
        EACH(i, golden)
        {
            struct bytes packet = bytes_of_hex(golden[i].header);

            expect_subject = golden[i].header;
            for (size_t size = 0; size < packet.size; size++) {
                struct bytes part = bytes_copy_of(packet.data, size);
                shoal_header header;
                size_t used;

                EXPECT(codec.decode_header(NULL, spanning(part), &header,
                                           &used) == SHOAL_ERR_MALFORMED);
                free(part.data);
            }
            free(packet.data);
        }
    for
        EACH(i, golden_members)
        {
            struct bytes bytes = bytes_of_hex(golden_members[i].member);

            expect_subject = golden_members[i].member;
            for (size_t size = 0; size < bytes.size; size++) {
                struct bytes part = bytes_copy_of(bytes.data, size);
                shoal_update member;
                size_t used;

                EXPECT(codec.decode_member(NULL, spanning(part), &member,
                                           &used) == SHOAL_ERR_MALFORMED);
                free(part.data);
            }
            free(bytes.data);
        }
}

/* Joins `count` elements, the one at `changed` replaced, behind `lead`. */
static void join(char *out, const char *lead, const char *const *elements,
                 size_t count, size_t changed, const char *replacement)
{
    strcpy(out, lead);
    for (size_t i = 0; i < count; i++)
        strcat(out, i == changed ? replacement : elements[i]);
}

/* No integer from 0 to 65535 is among them. */
static const char *const not_a_number[] = {
    "c0",   "c3",     "ff",     "d0ff",       "d3ffffffffffffffff",
    "a131", "c40101", "d40101", "ca3f800000", "cb3ff0000000000000",
    "9101", "80",     "c1",     "ce00010000", "cf0000000100000000",
};

static void refuses_every_field_of_another_type(void)
{
    static const char *const header[] = {"01", "02", A, "03", B, "04", C};
    static const char *const member[] = {A, "00", "01"};
    static const size_t header_numbers[] = {0, 1, 3, 5};
    char hex[1024];

    for
        EACH(i, not_a_number)
        {
            const char *other = not_a_number[i];
            /* A version or kind of another release may be as large as it likes.
             */
            bool large =
                strncmp(other, "ce", 2) == 0 || strncmp(other, "cf", 2) == 0;

        for
            EACH(n, header_numbers)
            {
                size_t field = header_numbers[n];

                join(hex, "97", header, 7, field, other);
                EXPECT(header_of(hex) == (large && field < 2
                                              ? SHOAL_ERR_UNSUPPORTED
                                              : SHOAL_ERR_MALFORMED));
            }
        for (size_t field = 1; field < 3; field++) {
            join(hex, "93", member, 3, field, other);
            EXPECT(member_of(hex) == SHOAL_ERR_MALFORMED);
        }
        }
    for (size_t field = 2; field < 7; field += 2) {
        join(hex, "97", header, 7, field, "c1");
        EXPECT(header_of(hex) == SHOAL_ERR_MALFORMED);
    }
    EXPECT(member_of("93c10000") == SHOAL_ERR_MALFORMED);
}

static void refuses_numbers_out_of_range(void)
{
    EXPECT(header_of("960100" A "ce00010000" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100" A "00" B "cd0100") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "ce0001000000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "0003") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "00cc80") == SHOAL_ERR_MALFORMED);
}

static void takes_numbers_in_any_form(void)
{
    EXPECT(header_of("96cf0000000000000001d000" A "ce0000ffff" B "d100ff") ==
           0);
    EXPECT(member_of("93" A "d1010000") == 0);
    EXPECT(member_of("93" A "d20000ffffcc02") == 0);
}

static void refuses_lying_counts(void)
{
    EXPECT(header_of("dd10000000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("dd10000000") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("dd100000000100" A "00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("ddffffffff0100" A "00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("dc00060100" A "00" B "07") == 0);
    EXPECT(header_of("960100dd10000000 00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100 df10000000 00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100 dbffffffff 00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93 c6ffffffff 0000") == SHOAL_ERR_MALFORMED);
    /* Fewer elements than the kind has. */
    EXPECT(header_of("950100" A "00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960102" A "00" B "07" C) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("940106" A "00" B) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("90") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("9001" A "00" B) == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("92" A "0000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("90" A "0000") == SHOAL_ERR_MALFORMED);
    /* No array at all. */
    EXPECT(header_of("86 0100" A "00" B "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("01") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("c1") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("a3010000") == SHOAL_ERR_MALFORMED);
}

static void bounds_nesting_and_size_of_identities(void)
{
    static const char *const eight = "9191919191919191",
                             *const nine = "919191919191919191";
    char hex[4096], big[1200];

    sprintf(hex, "960100%s01 00" B "07", eight);
    EXPECT(header_of(hex) == 0);
    sprintf(hex, "960100%s01 00" B "07", nine);
    EXPECT(header_of(hex) == SHOAL_ERR_MALFORMED);
    sprintf(hex, "93%s01 0000", eight);
    EXPECT(member_of(hex) == 0);
    sprintf(hex, "93%s01 0000", nine);
    EXPECT(member_of(hex) == SHOAL_ERR_MALFORMED);

    for (size_t size = 511; size <= 514; size++) {
        int wanted = size <= SHOAL_MAX_IDENTITY ? 0 : SHOAL_ERR_MALFORMED;

        sprintf(big, "da%04zx", size - 3);
        memset(big + 6, '6', 2 * (size - 3));
        big[2 * size] = '\0';
        sprintf(hex, "960100%s00" B "07", big);
        EXPECT(header_of(hex) == wanted);
        sprintf(hex, "960100" A "00%s07", big);
        EXPECT(header_of(hex) == wanted);
        sprintf(hex, "970102" A "00" B "07%s", big);
        EXPECT(header_of(hex) == wanted);
        sprintf(hex, "93%s0000", big);
        EXPECT(member_of(hex) == wanted);
    }
}

static void skips_elements_it_does_not_know(void)
{
    shoal_header header;
    shoal_update member;
    size_t used;
    struct bytes bytes;

    /* Kinds with more fields than they had, and with some of any type. */
    EXPECT(header_of("970100" A "00" B "07" C) == 0);
    EXPECT(header_of("98010a" A "00" B "c0c0"
                     "8101c3") == 0);
    EXPECT(header_of("980102" A "00" B "07" C "91c1") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("980102" A "00" B "07" C "92c0") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("980102" A "00" B "07" C "91919191919191919101") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(member_of("94" A "0001" B) == 0);
    EXPECT(member_of("94" A "0001") == SHOAL_ERR_MALFORMED);

    bytes = bytes_of_hex("980100" A "00" B "07" C "a3787878"
                         "ffff");
    EXPECT(codec.decode_header(NULL, spanning(bytes), &header, &used) == 0);
    EXPECT(used == bytes.size - 2);
    EXPECT(header.number == 7 && header.peer.size == 0);
    free(bytes.data);

    bytes = bytes_of_hex("95" A "0301" B "c0"
                         "ffff");
    EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
    EXPECT(used == bytes.size - 2);
    EXPECT(member.incarnation == 3 && member.state == SHOAL_SUSPECT);
    free(bytes.data);
}

static void tells_a_newer_release_from_nonsense(void)
{
    EXPECT(header_of("960200" A "00" B "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("960000" A "00" B "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("93 02 c0 81a16101") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("91 02") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("96010b" A "00" B "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("970163" A "00" B "07" C) == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("960200" A "00" B) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("93 02 c0 c1") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("96010b" A "00" B) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("92010b") == SHOAL_ERR_MALFORMED);
}

/* Whatever bytes: an answer, and nothing read outside of them. */
static void survives_every_change_of_one_byte(void)
{
    struct bytes packet = bytes_of_hex("970102" A "03" B "ccc8" C);
    struct bytes member = bytes_of_hex("93" A "ccc801");
    shoal_header header;
    shoal_update update;
    size_t used;

    expect_subject = "one byte changed";
    for (size_t i = 0; i < packet.size * 256; i++) {
        struct bytes changed = bytes_copy_of(packet.data, packet.size);

        changed.data[i / 256] = (uint8_t)i;
        if (codec.decode_header(NULL, spanning(changed), &header, &used) == 0)
            EXPECT(used <= changed.size && header.kind < SHOAL_NUM_MESSAGES);
        free(changed.data);
    }
    for (size_t i = 0; i < member.size * 256; i++) {
        struct bytes changed = bytes_copy_of(member.data, member.size);

        changed.data[i / 256] = (uint8_t)i;
        if (codec.decode_member(NULL, spanning(changed), &update, &used) == 0)
            EXPECT(used <= changed.size && update.state <= SHOAL_DOWN);
        free(changed.data);
    }
    free(packet.data);
    free(member.data);
}

/* ---- Encoding ---- */

static void never_writes_beyond_its_room(void)
{
    for
        EACH(i, golden)
        {
            const struct golden *g = &golden[i];
            struct bytes packet = bytes_of_hex(g->header);
            shoal_header header;
            size_t used, size;

            expect_subject = g->header;
            EXPECT(codec.decode_header(NULL, spanning(packet), &header,
                                       &used) == 0);
            for (size_t room = 0; room <= packet.size; room++) {
                struct bytes out = bytes_copy_of(packet.data, room);

                EXPECT(
                    codec.encode_header(NULL, &header, out.data, room, &size) ==
                    (room < packet.size ? SHOAL_ERR_TOO_BIG : 0));
                free(out.data);
            }
            free(packet.data);
        }
    for
        EACH(i, golden_members)
        {
            struct bytes bytes = bytes_of_hex(golden_members[i].member);
            shoal_update member;
            size_t used, size;

            EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) ==
                   0);
            for (size_t room = 0; room <= bytes.size; room++) {
                struct bytes out = bytes_copy_of(bytes.data, room);

                EXPECT(
                    codec.encode_member(NULL, &member, out.data, room, &size) ==
                    (room < bytes.size ? SHOAL_ERR_TOO_BIG : 0));
                free(out.data);
            }
            free(bytes.data);
        }
}

static void refuses_to_write_what_nobody_could_read(void)
{
    static const char *const no_identities[] = {
        "", "c1", "0101", "92", "616263", "91919191919191919101",
    };
    struct bytes good = bytes_of_hex(A);
    uint8_t out[2048];
    size_t size;

    for
        EACH(i, no_identities)
        {
            struct bytes bad = bytes_of_hex(no_identities[i]);
            shoal_header src = {.src = spanning(bad), .dst = spanning(good)};
            shoal_header dst = {.src = spanning(good), .dst = spanning(bad)};
            shoal_header peer = {.kind = SHOAL_MSG_PING_REQ,
                                 .src = spanning(good),
                                 .dst = spanning(good),
                                 .peer = spanning(bad)};
            shoal_update member = {.id = spanning(bad)};

            expect_subject = no_identities[i];
            EXPECT(codec.encode_header(NULL, &src, out, sizeof out, &size) ==
                   SHOAL_ERR_CODEC);
            EXPECT(codec.encode_header(NULL, &dst, out, sizeof out, &size) ==
                   SHOAL_ERR_CODEC);
            EXPECT(codec.encode_header(NULL, &peer, out, sizeof out, &size) ==
                   SHOAL_ERR_CODEC);
            EXPECT(codec.encode_member(NULL, &member, out, sizeof out, &size) ==
                   SHOAL_ERR_CODEC);
            free(bad.data);
        }
    expect_subject = "an unknown kind or state";
    EXPECT(codec.encode_header(NULL,
                               &(shoal_header){.kind = SHOAL_NUM_MESSAGES,
                                               .src = spanning(good),
                                               .dst = spanning(good)},
                               out, sizeof out, &size) == SHOAL_ERR_CODEC);
    EXPECT(codec.encode_member(
               NULL, &(shoal_update){.id = spanning(good), .state = 3}, out,
               sizeof out, &size) == SHOAL_ERR_CODEC);
    free(good.data);
}

static void allocates_nothing(void)
{
    struct bytes packet = bytes_of_hex("970102" A "cdffff" B "ccc8" C);
    struct bytes bytes = bytes_of_hex("94" A "cdffff02" B);
    uint8_t out[600];
    shoal_header header;
    shoal_update member;
    size_t before = allocations, size, used;

    expect_subject = "";
    for (int i = 0; i < 100; i++) {
        EXPECT(codec.decode_header(NULL, spanning(packet), &header, &used) ==
               0);
        EXPECT(codec.encode_header(NULL, &header, out, sizeof out, &size) == 0);
        EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
        EXPECT(codec.encode_member(NULL, &member, out, sizeof out, &size) == 0);
    }
    EXPECT(allocations == before);
    free(packet.data);
    free(bytes.data);
}

int main(void)
{
    codec = shoal_default_codec();
    encodes_and_decodes_every_header();
    encodes_and_decodes_every_member();
    refuses_what_is_cut_short_at_any_byte();
    refuses_every_field_of_another_type();
    refuses_numbers_out_of_range();
    takes_numbers_in_any_form();
    refuses_lying_counts();
    bounds_nesting_and_size_of_identities();
    skips_elements_it_does_not_know();
    tells_a_newer_release_from_nonsense();
    survives_every_change_of_one_byte();
    never_writes_beyond_its_room();
    refuses_to_write_what_nobody_could_read();
    allocates_nothing();
    return expect_done();
}
