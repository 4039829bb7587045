/* SPDX-License-Identifier: MIT */
/* The default codec and bytes that nobody should send, or not yet. */
#include "golden.h"

static shoal_codec codec;

/* Whatever a peek finds lies in what it was given. */
static shoal_bytes peek(struct bytes packet)
{
    shoal_bytes found = codec.peek_source(NULL, spanning(packet));

    EXPECT(found.size == 0 ||
           (found.data >= packet.data && found.size <= packet.size &&
            (size_t)(found.data - packet.data) <= packet.size - found.size));
    return found;
}

static int header_of(const char *hex)
{
    struct bytes packet = bytes_of_hex(hex);
    shoal_header header;
    size_t used = 12345;
    int error = codec.decode_header(NULL, spanning(packet), &header, &used);

    expect_subject = hex;
    EXPECT(error ? used == 12345 : used <= packet.size);
    peek(packet);
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
    for (size_t i = 0; i < COUNT(golden); i++) {
        struct bytes packet = bytes_of_hex(golden[i].header);

        expect_subject = golden[i].header;
        for (size_t size = 0; size < packet.size; size++) {
            struct bytes part = bytes_copy_of(packet.data, size);
            shoal_header header;
            size_t used;

            EXPECT(codec.decode_header(NULL, spanning(part), &header, &used) ==
                   SHOAL_ERR_MALFORMED);
            peek(part);
            free(part.data);
        }
        free(packet.data);
    }
    for (size_t i = 0; i < COUNT(golden_members); i++) {
        struct bytes bytes = bytes_of_hex(golden_members[i].member);

        expect_subject = golden_members[i].member;
        for (size_t size = 0; size < bytes.size; size++) {
            struct bytes part = bytes_copy_of(bytes.data, size);
            shoal_update member;
            size_t used;

            EXPECT(codec.decode_member(NULL, spanning(part), &member, &used) ==
                   SHOAL_ERR_MALFORMED);
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

    for (size_t i = 0; i < COUNT(not_a_number); i++) {
        const char *other = not_a_number[i];
        /* A version or kind of another release may be as large as it likes.
         */
        bool large =
            strncmp(other, "ce", 2) == 0 || strncmp(other, "cf", 2) == 0;

        for (size_t n = 0; n < COUNT(header_numbers); n++) {
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
    EXPECT(header_of("960100" A "ce00010000" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100" A "00" HASH_B_HEX "cd0100") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "ce0001000000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "0003") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93" A "00cc80") == SHOAL_ERR_MALFORMED);
}

static void takes_numbers_in_any_form(void)
{
    EXPECT(header_of("96cf0000000000000001d000" A "ce0000ffff" HASH_B_HEX
                     "d100ff") == 0);
    EXPECT(member_of("93" A "d1010000") == 0);
    EXPECT(member_of("93" A "d20000ffffcc02") == 0);
}

static void refuses_lying_counts(void)
{
    EXPECT(header_of("dd10000000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("dd10000000") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("dd100000000100" A "00" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("ddffffffff0100" A "00" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("dc00060100" A "00" HASH_B_HEX "07") == 0);
    EXPECT(header_of("960100dd10000000 00" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100 df10000000 00" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960100 dbffffffff 00" HASH_B_HEX "07") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(member_of("93 c6ffffffff 0000") == SHOAL_ERR_MALFORMED);
    /* Fewer elements than the kind has. */
    EXPECT(header_of("950100" A "00" HASH_B_HEX "07") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("960102" A "00" HASH_B_HEX "07" C) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("940106" A "00" HASH_B_HEX) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("90") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("9001" A "00" HASH_B_HEX) == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("92" A "0000") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("90" A "0000") == SHOAL_ERR_MALFORMED);
    /* No array at all. */
    EXPECT(header_of("86 0100" A "00" HASH_B_HEX "07") == SHOAL_ERR_MALFORMED);
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

    sprintf(hex, "960100%s01 00" HASH_B_HEX "07", eight);
    EXPECT(header_of(hex) == 0);
    sprintf(hex, "960100%s01 00" HASH_B_HEX "07", nine);
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
        sprintf(hex, "960100%s00" HASH_B_HEX "07", big);
        EXPECT(header_of(hex) == wanted);
        sprintf(hex, "970102" A "00" HASH_B_HEX "07%s", big);
        EXPECT(header_of(hex) == wanted);
        sprintf(hex, "93%s0000", big);
        EXPECT(member_of(hex) == wanted);
        sprintf(hex, "94" A "0001%s", big);
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
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07" C) == 0);
    EXPECT(header_of("98010a" A "00" HASH_B_HEX "c0c0"
                     "8101c3") == 0);
    EXPECT(header_of("980102" A "00" HASH_B_HEX "07" C "91c1") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("980102" A "00" HASH_B_HEX "07" C "92c0") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("980102" A "00" HASH_B_HEX "07" C
                     "91919191919191919101") == SHOAL_ERR_MALFORMED);
    EXPECT(member_of("94" A "0001" B) == 0);
    EXPECT(member_of("94" A "0001") == SHOAL_ERR_MALFORMED);

    bytes = bytes_of_hex("980100" A "00" HASH_B_HEX "07" C "a3787878"
                         "ffff");
    EXPECT(codec.decode_header(NULL, spanning(bytes), &header, &used) == 0);
    EXPECT(used == bytes.size - 2);
    EXPECT(header.number == 7 && header.peer.size == 0);
    free(bytes.data);

    bytes = bytes_of_hex("97" A "0301" B "05 c400 c0"
                         "ffff");
    EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
    EXPECT(used == bytes.size - 2);
    EXPECT(member.incarnation == 3 && member.state == SHOAL_SUSPECT);
    free(bytes.data);
}

static void takes_nil_for_what_is_not_there(void)
{
    struct bytes bytes = bytes_of_hex("94" A "0001 c0");
    shoal_header header;
    shoal_update member;
    size_t used;

    expect_subject = "nil";
    EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
    EXPECT(used == bytes.size && member.from.size == 0);
    free(bytes.data);
    /* Who suspects is read of suspect members only. */
    bytes = bytes_of_hex("94" A "0000" B);
    EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
    EXPECT(used == bytes.size && member.from.size == 0);
    free(bytes.data);
    /* Any value but true wants no nack, and neither does any other kind. */
    bytes = bytes_of_hex("990102" A "00" HASH_B_HEX "07" C "c0 07");
    EXPECT(codec.decode_header(NULL, spanning(bytes), &header, &used) == 0);
    EXPECT(used == bytes.size && !header.wants_nack);
    free(bytes.data);
    bytes = bytes_of_hex("980103" A "00" HASH_B_HEX "07" C "c3");
    EXPECT(codec.decode_header(NULL, spanning(bytes), &header, &used) == 0);
    EXPECT(used == bytes.size && !header.wants_nack);
    free(bytes.data);
    EXPECT(header_of("980102" A "00" HASH_B_HEX "07" C "c1") ==
           SHOAL_ERR_MALFORMED);
}

static void takes_a_digest_or_none(void)
{
    static const char *const none[] = {
        "970100" A "00" HASH_B_HEX "07 c0",
        "970100" A "00" HASH_B_HEX "07 90",
        "970100" A "00" HASH_B_HEX "07 9501020304 05",
        "980101" A "00" HASH_B_HEX "07 c0 05",
        "960108" A "00" HASH_B_HEX "92 01 02",
    };
    for (size_t i = 0; i < COUNT(none); i++) {
        struct bytes bytes = bytes_of_hex(none[i]);
        shoal_header header;
        size_t used;
        expect_subject = none[i];
        EXPECT(codec.decode_header(NULL, spanning(bytes), &header, &used) == 0);
        EXPECT(used == bytes.size && !header.has_digest);
        free(bytes.data);
    }
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07 93 01 02") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07 93 01 02 cd0100") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07 92 01") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07 92 ff 01") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX "07 92 a0 01") ==
           SHOAL_ERR_MALFORMED);
    EXPECT(header_of("970100" A "00" HASH_B_HEX
                     "07 92 01 cf0000000100000000") == SHOAL_ERR_MALFORMED);
}

static void tells_a_newer_release_from_nonsense(void)
{
    EXPECT(header_of("960200" A "00" HASH_B_HEX "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("960000" A "00" HASH_B_HEX "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("93 02 c0 81a16101") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("91 02") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("96010e" A "00" HASH_B_HEX "07") == SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("970163" A "00" HASH_B_HEX "07" C) ==
           SHOAL_ERR_UNSUPPORTED);
    EXPECT(header_of("960200" A "00" HASH_B_HEX) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("93 02 c0 c1") == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("96010d" A "00" HASH_B_HEX) == SHOAL_ERR_MALFORMED);
    EXPECT(header_of("92010d") == SHOAL_ERR_MALFORMED);
}

/* Whatever bytes: an answer, and nothing read outside of them. */
static void survives_every_change_of_one_byte(void)
{
    struct bytes packet = bytes_of_hex("970102" A "03" HASH_B_HEX "ccc8" C);
    struct bytes member = bytes_of_hex("93" A "ccc801");
    shoal_header header;
    shoal_update update;
    size_t used;

    expect_subject = "one byte changed";
    for (size_t i = 0; i < packet.size * 256; i++) {
        struct bytes changed = bytes_copy_of(packet.data, packet.size);

        changed.data[i / 256] = (uint8_t)i;
        shoal_bytes source = peek(changed);

        if (codec.decode_header(NULL, spanning(changed), &header, &used) == 0) {
            EXPECT(used <= changed.size && header.kind < SHOAL_NUM_MESSAGES);
            EXPECT(source.data == header.src.data &&
                   source.size == header.src.size);
        }
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

static void finds_no_source_in_what_is_no_header(void)
{
    static const char *const none[] = {
        "",
        "c1",
        "dd10000000",
        "96",
        "9601",
        "960100",
        "960100c1",
        "960100 dd10000000",
        "960200" A "00" HASH_B_HEX "07", /* of another version */
        "9401" A "00" HASH_B_HEX,        /* too few for a header */
        "96c000" A "00" HASH_B_HEX "07",
    };
    for (size_t i = 0; i < COUNT(none); i++) {
        struct bytes packet = bytes_of_hex(none[i]);

        expect_subject = none[i];
        EXPECT(peek(packet).size == 0);
        free(packet.data);
    }
}

int main(void)
{
    codec = shoal_default_codec();
    refuses_what_is_cut_short_at_any_byte();
    refuses_every_field_of_another_type();
    refuses_numbers_out_of_range();
    takes_numbers_in_any_form();
    refuses_lying_counts();
    bounds_nesting_and_size_of_identities();
    skips_elements_it_does_not_know();
    takes_nil_for_what_is_not_there();
    takes_a_digest_or_none();
    tells_a_newer_release_from_nonsense();
    survives_every_change_of_one_byte();
    finds_no_source_in_what_is_no_header();
    return expect_done();
}
