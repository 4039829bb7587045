/* SPDX-License-Identifier: MIT */
/* Writes what the fuzzers begin with, into the folder <argument>/<fuzzer>: the
 * golden packets, messages of the control socket, and visits to it. */
#include "../../src/wire/wire.h"
#include "../c/golden.h"

#include <sys/stat.h>

static const char *folder;
static unsigned written;

static void write_seed(const char *fuzzer, const char *front, const char *hex)
{
    char path[512], all[4096];
    snprintf(all, sizeof all, "%s%s", front, hex);
    snprintf(path, sizeof path, "%s/%s", folder, fuzzer);
    (void)mkdir(path, 0777); /* it may be there */
    snprintf(path, sizeof path, "%s/%s/seed-%03u", folder, fuzzer, written++);
    struct bytes bytes = bytes_of_hex(all);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes.data, 1, bytes.size, file) != bytes.size ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    free(bytes.data);
}

static void write_packet(const struct golden *one)
{
    char packet[1024], front[16];
    snprintf(packet, sizeof packet, "%s%s%s", one->header,
             !wire_has_claims(one->kind) ? ""
                                         : "0002"
                                           "93" A "0000"
                                           "94" C "0301" A,
             wire_has_items(one->kind) ? "0003313233" : "");
    snprintf(front, sizeof front, "00%04zx", strlen(packet) / 2);
    write_seed("engine", front, packet);
    write_seed("codec", "", packet);
}

/* One that is text. */
static void write_text(const char *fuzzer, const char *front, const char *text)
{
    char hex[2048];
    size_t size = 0;
    for (; *text && size + 3 < sizeof hex; text++, size += 2)
        snprintf(hex + size, 3, "%02x", (unsigned)(unsigned char)*text);
    write_seed(fuzzer, front, hex);
}

static void write_requests(void)
{
    static const char *const requests[] = {
        "/members?all=1\nHost: localhost",
        "/services?name=web&passing\nHost: 127.0.0.1:1",
        "/view?since=1&wait=2.5\nHost: [::1]",
        "/events?probes=1&last=1-1\nHost: x\nLast-Event-ID: 1-2",
        "/metrics?detail=1&members=1\nAuthorization: Bearer 0123456789abcdef",
        "/sd/prometheus?name=web#x\nContent-Length: 4",
        "/v1/health/service/web?passing&tag=v2&tag=v3&index=1&wait=5m",
        "/v1/health/state/any?dc=dc1\nTransfer-Encoding: chunked",
        "/v1/catalog/services?filter=x",
        "/v1/catalog/service/w%65b",
        "/v1/agent/self",
        "/v1/status/leader",
        "/own?a=%20b+c&&=&d",
        "/fails",
        "http://elsewhere/"};
    for (size_t i = 0; i < COUNT(requests); i++) {
        write_text("web", "00", requests[i]);
        write_text("web", "0e", requests[i]);
    }
}

/* What others say of the engine, and of who it may be next. */
static void write_rumours(void)
{
    static const char *const claims[] = {
        "93" B "0002", "93" B "cdfffe01", "93" B "cdffff02",
        "9382a461646472a3623a32a462756d70030000"};
    for (size_t i = 0; i < COUNT(claims); i++) {
        char packet[1024], front[16];
        snprintf(packet, sizeof packet, "950108" A "00" HASH_B_HEX "0001%s",
                 claims[i]);
        snprintf(front, sizeof front, "00%04zx", strlen(packet) / 2);
        write_seed("engine", front, packet);
    }
}

/* Tags of C: all of them and what is new in the next version; what is new in a
 * version that nobody has, and a size. */
static void write_tags(void)
{
#define ZONE_B "ce0001e0db"
    static const char *const claims[] = {
        "0002"
        "96" C "0000c0" ZONE_B "c40881a47a6f6e65a162"
        "96" C "0000c0ce0002142b94" ZONE_B "0700c40163",
        "0001"
        "96" C "0000c0ce0002142b94" ZONE_B "0700c40163",
        "0001"
        "96" C "0000c0" ZONE_B "cd0400"};
#undef ZONE_B
    for (size_t i = 0; i < COUNT(claims); i++) {
        char packet[1024], front[16];
        snprintf(packet, sizeof packet, "950108" A "00" HASH_B_HEX "%s",
                 claims[i]);
        snprintf(front, sizeof front, "00%04zx", strlen(packet) / 2);
        write_seed("engine", front, packet);
        write_seed("codec", "", packet);
    }
}

/* Records of exchanges, those about topics among broadcasts as well. */
static void write_records(void)
{
#define NAME                                                                   \
    "05"                                                                       \
    "7075726765"                                                               \
    "0010" A
    static const char *const records[] = {
        "000c02005946378b006165589400",
        "00040300"
        "0381",
        "000404034001",
        "0005055946378b",
        "000f060200000000ffffffff0a0b0c0d03",
        "0007070a0b0c0d0202",
        "001f080301" NAME "a36b6579",
        "001f080103" NAME "a36b6579",
        "001b090304" NAME,
        "000b0a0000000100000001"
        "00c0",
        "00090b0000000100000001",
        "801f080301" NAME "a36b6579",
        "801f080302" NAME "a36b6579",
    };
#undef NAME
    for (size_t i = 0; i < COUNT(records); i++) {
        bool is_among = records[i][0] == '8';
        char packet[1024], front[16];
        snprintf(packet, sizeof packet, "9501%s" A "00" HASH_B_HEX "0000%s",
                 is_among ? "08" : "0d", records[i]);
        snprintf(front, sizeof front, "00%04zx", strlen(packet) / 2);
        write_seed("engine", front, packet);
    }
}

/* A member whose identity, of short numbers, is too large when they are written
 * as Lua has them. */
static void write_growing_member(void)
{
    char hex[1024] = "93dc003c";
    for (int i = 0; i < 60; i++)
        strcat(hex, "ca3fc00000");
    strcat(hex, "0000");
    write_seed("codec", "", hex);
}

int main(int argc, char **argv)
{
    static const char *const messages[] = {
        "940001a4696e666f90",
        "940107c0a26f6b",
        "9302a56576656e749181a16101",
        "940002a76d656d6265727391" A "940003a46c6f616490",
        "940004a46a6f696e91ab3132372e302e302e313a31",
        "940005a962726f61646361737491a26869",
        "940006a76d656d626572739181a3616c6cc3",
        "940007a76d6f6e69746f7290940008a56c6561766590",
        "940009a672656c6f616490940000a776657273696f6e90"};
    static const char *const steps[] = {"030307050101", "06ff0700080302a16263",
                                        "04020000010700", "080800640010006400"};
    /* "hi" in pieces and answers; a client that ends its half; one that does
     * not read; news for everybody; the end in the middle of it all. */
    static const char *const visits[] = {
        "00070100019206010002016807030010", "0001000107040007",
        "00070200010c0707030010", "0000000202000202010501020007",
        "00000701000105020100600500060607",
        /* much is waited for, and read bit by bit */
        "00070100010607030040070100010607030080070100010306030040",
        /* one long string */
        "000200daff0702000aff070200daff070200daff07"};
    /* known by the clock; challenged, with the answers; after a restart; when
     * it was forgotten; spoilt; to one that has the other key, and with one
     * that it does not have */
    static const char *const seals[] = {
        "05780001000100000100",
        "0001000200010001010402000100010102000100",
        "05780001000701000200010001010100",
        "0578000100050b08080808010005140100",
        "057800030005010300100109144100",
        "05780b0a0c01ff0d01000001000d0100",
        "0b0a0c01ff0d01000200010001010001000d0100"};
    /* Records of a member's memory: itself, a member with tags, a topic, a
     * seed, keys, the store; one that readers skip. */
    static const char *const memories[] = {"0200000013"
                                           "0000019b76daa000"
                                           "0000000000070000"
                                           "0003"
                                           "61",
                                           "0400000019"
                                           "0000019b76daa000"
                                           "0202"
                                           "000161"
                                           "000162"
                                           "0003633a31"
                                           "81a17a7a",
                                           "030000000b"
                                           "0000000000001267"
                                           "6a6f62"
                                           "0500000003"
                                           "643a31",
                                           "0600000010"
                                           "00010203040506070809000102030405",
                                           "0800000001"
                                           "80"
                                           "0900000008"
                                           "0000000000010000"
                                           "c80000000161"};
    /* A member "m1" with services "web" and "db", both passing; queries of
     * them, by name and as bytes. */
#define MEMBER                                                                 \
    "0001f2"                                                                   \
    "026d310831302e302e302e31"                                                 \
    "027632036f6e6504612e6263"                                                 \
    "037765620831302e302e302e3100500001"                                       \
    "026462076664303a3a313a15380003"
#define QUERY                                                                  \
    "0001010000010000000000000377656207736572766963650573686f616c0000210001"
    static const char *const lookups[] = {
        MEMBER "04000b7765622e73657276696365"
               "04020f76322e7765622e73657276696365"
               "04030b7765622e73657276696365"
               "0400076d312e6e6f6465",
        MEMBER "0223" QUERY "0323" QUERY "0101"
               "040200",
        "0222"
        "00010000000100000000000105"
        "73686f616c0000060001"
        "0000290400000000000000"};
#undef MEMBER
#undef QUERY
    if (argc != 2)
        return 2;
    folder = argv[1];
    (void)mkdir(folder, 0777); /* it may be there */
    for (size_t i = 0; i < COUNT(golden); i++) {
        write_packet(&golden[i]);
        write_seed("value", "", golden[i].header);
    }
    for (size_t i = 0; i < COUNT(golden_members); i++) {
        write_seed("value", "", golden_members[i].member);
        write_seed("codec", "", golden_members[i].member);
    }
    write_requests();
    write_growing_member();
    write_rumours();
    write_tags();
    write_records();
    for (size_t i = 0; i < COUNT(messages); i++)
        write_seed("control", "03", messages[i]);
    for (size_t i = 0; i < COUNT(visits); i++)
        write_seed("socket", "", visits[i]);
    for (size_t i = 0; i < COUNT(seals); i++)
        write_seed("seal", "", seals[i]);
    for (size_t i = 0; i < COUNT(memories); i++)
        write_seed("memory", "", memories[i]);
    for (size_t i = 0; i < COUNT(lookups); i++)
        write_seed("dns", "", lookups[i]);
    for (size_t i = 0; i < COUNT(steps); i++)
        write_seed("engine", "", steps[i]);
    return 0;
}
