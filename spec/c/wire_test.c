/* SPDX-License-Identifier: MIT */
/* The default codec: golden bytes both ways, in the room there is, without
 * memory. */
#include "golden.h"

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

static bool peeks_at(struct bytes packet, const char *source)
{
    shoal_bytes peeked = codec.peek_source(NULL, spanning(packet));

    return bytes_are(peeked.data, peeked.size, source);
}

static void encodes_and_decodes_every_header(void)
{
    for (size_t i = 0; i < COUNT(golden); i++) {
        const struct golden *g = &golden[i];
        struct bytes src = bytes_of_hex(g->src);
        struct bytes peer = bytes_of_hex(g->peer ? g->peer : "");
        struct bytes packet = bytes_of_hex(g->header);
        shoal_header header = {.kind = g->kind,
                               .number = g->number,
                               .src_incarnation = g->src_incarnation,
                               .src = spanning(src),
                               .dst_hash = g->dst_hash,
                               .peer = spanning(peer),
                               .wants_nack = g->wants_nack,
                               .has_digest = g->has_digest,
                               .digest = g->digest,
                               .cookie = g->cookie,
                               .echo = g->echo};
        uint8_t out[600];
        size_t size, used;

        expect_subject = g->header;
        EXPECT(codec.encode_header(NULL, &header, out, sizeof out, &size) == 0);
        EXPECT(bytes_are(out, size, g->header));

        memset(&header, 0xee, sizeof header);
        EXPECT(codec.decode_header(NULL, spanning(packet), &header, &used) ==
               0);
        EXPECT(used == packet.size);
        EXPECT(header.kind == g->kind && header.number == g->number);
        EXPECT(header.src_incarnation == g->src_incarnation);
        EXPECT(header.wants_nack == g->wants_nack);
        EXPECT(header.has_digest == g->has_digest);
        EXPECT(header.cookie == g->cookie && header.echo == g->echo);
        EXPECT(!g->has_digest || (header.digest.members == g->digest.members &&
                                  header.digest.sum == g->digest.sum &&
                                  header.digest.without == g->digest.without));
        EXPECT(bytes_are(header.src.data, header.src.size, g->src));
        EXPECT(peeks_at(packet, g->src));
        EXPECT(header.dst.size == 0 && header.dst_hash == g->dst_hash);
        EXPECT(g->peer ? bytes_are(header.peer.data, header.peer.size, g->peer)
                       : header.peer.size == 0);
        free(src.data);
        free(peer.data);
        free(packet.data);
    }
}

static void padding_is_zeros_that_are_skipped(void)
{
    struct bytes src = bytes_of_hex(A);
    shoal_header header = {.kind = SHOAL_MSG_ANNOUNCE,
                           .src = spanning(src),
                           .dst_hash = ADDRESS_HASH_B,
                           .cookie = 5,
                           .padding = 3};
    const char *expected =
        "9a0106" A "00" ADDRESS_HASH_B_HEX "c0c0c09105c403000000";
    uint8_t out[600];
    size_t size, used;

    expect_subject = expected;
    EXPECT(codec.encode_header(NULL, &header, out, sizeof out, &size) == 0);
    EXPECT(bytes_are(out, size, expected));
    EXPECT(codec.decode_header(NULL, (shoal_bytes){out, size}, &header,
                               &used) == 0);
    EXPECT(used == size && header.cookie == 5 && header.padding == 0);
    EXPECT(codec.encode_header(NULL, &header, out, size - 1, &size) == 0);
    free(src.data);
}

static void encodes_and_decodes_every_member(void)
{
    for (size_t i = 0; i < COUNT(golden_members); i++) {
        const struct golden_member *g = &golden_members[i];
        struct bytes id = bytes_of_hex(g->id), bytes = bytes_of_hex(g->member);
        struct bytes from = bytes_of_hex(g->from);
        shoal_update member = {.id = spanning(id),
                               .incarnation = g->incarnation,
                               .state = g->state,
                               .from = spanning(from)};
        uint8_t out[600];
        size_t size, used;

        expect_subject = g->member;
        EXPECT(codec.encode_member(NULL, &member, out, sizeof out, &size) == 0);
        EXPECT(bytes_are(out, size, g->member));

        memset(&member, 0xee, sizeof member);
        EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
        EXPECT(used == bytes.size);
        EXPECT(bytes_are(member.id.data, member.id.size, g->id));
        EXPECT(member.incarnation == g->incarnation);
        EXPECT(member.state == g->state);
        EXPECT(bytes_are(member.from.data, member.from.size, g->from));
        free(from.data);
        free(id.data);
        free(bytes.data);
    }
}

static void never_writes_beyond_its_room(void)
{
    for (size_t i = 0; i < COUNT(golden); i++) {
        const struct golden *g = &golden[i];
        struct bytes packet = bytes_of_hex(g->header);
        shoal_header header;
        size_t used, size;

        expect_subject = g->header;
        EXPECT(codec.decode_header(NULL, spanning(packet), &header, &used) ==
               0);
        for (size_t room = 0; room <= packet.size; room++) {
            struct bytes out = bytes_copy_of(packet.data, room);

            EXPECT(codec.encode_header(NULL, &header, out.data, room, &size) ==
                   (room < packet.size ? SHOAL_ERR_TOO_BIG : 0));
            free(out.data);
        }
        free(packet.data);
    }
    for (size_t i = 0; i < COUNT(golden_members); i++) {
        struct bytes bytes = bytes_of_hex(golden_members[i].member);
        shoal_update member;
        size_t used, size;

        EXPECT(codec.decode_member(NULL, spanning(bytes), &member, &used) == 0);
        for (size_t room = 0; room <= bytes.size; room++) {
            struct bytes out = bytes_copy_of(bytes.data, room);

            EXPECT(codec.encode_member(NULL, &member, out.data, room, &size) ==
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

    for (size_t i = 0; i < COUNT(no_identities); i++) {
        struct bytes bad = bytes_of_hex(no_identities[i]);
        shoal_header src = {.src = spanning(bad)};
        shoal_header peer = {.kind = SHOAL_MSG_PING_REQ,
                             .src = spanning(good),
                             .peer = spanning(bad)};
        shoal_update member = {.id = spanning(bad)};
        shoal_update from = {.id = spanning(good),
                             .state = SHOAL_SUSPECT,
                             .from = spanning(bad)};

        expect_subject = no_identities[i];
        EXPECT(codec.encode_header(NULL, &src, out, sizeof out, &size) ==
               SHOAL_ERR_CODEC);
        EXPECT(codec.encode_header(NULL, &peer, out, sizeof out, &size) ==
               SHOAL_ERR_CODEC);
        EXPECT(codec.encode_member(NULL, &member, out, sizeof out, &size) ==
               SHOAL_ERR_CODEC);
        EXPECT(codec.encode_member(NULL, &from, out, sizeof out, &size) ==
               (bad.size == 0 ? 0 : SHOAL_ERR_CODEC));
        free(bad.data);
    }
    expect_subject = "an unknown kind or state";
    EXPECT(codec.encode_header(NULL,
                               &(shoal_header){.kind = SHOAL_NUM_MESSAGES,
                                               .src = spanning(good)},
                               out, sizeof out, &size) == SHOAL_ERR_CODEC);
    EXPECT(codec.encode_member(
               NULL, &(shoal_update){.id = spanning(good), .state = 3}, out,
               sizeof out, &size) == SHOAL_ERR_CODEC);
    free(good.data);
}

static void allocates_nothing(void)
{
    struct bytes packet = bytes_of_hex("970102" A "cdffff" HASH_B_HEX "ccc8" C);
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
    padding_is_zeros_that_are_skipped();
    encodes_and_decodes_every_member();
    never_writes_beyond_its_room();
    refuses_to_write_what_nobody_could_read();
    allocates_nothing();
    return expect_done();
}
