/* SPDX-License-Identifier: MIT */
/* The stock identity: what it looks like and what it answers. */
#include "../../src/shoal.h"
#include "expect.h"

static shoal_identity_questions stock;

static uint8_t room[SHOAL_MAX_IDENTITY]; /* for answers */

static shoal_bytes spanning(struct bytes bytes)
{
    return (shoal_bytes){bytes.data, bytes.size};
}

static shoal_bytes text(const char *string)
{
    return (shoal_bytes){(const uint8_t *)string, strlen(string)};
}

/* {"addr": "a:1", "bump": <hex>} */
#define STOCK(bump) "82a461646472a3613a31a462756d70" bump
#define LIVED(bump, life)                                                      \
    "83a461646472a3613a31a462756d70" bump "a46c696665" life

static const uint64_t MAX = UINT64_C(9007199254740991); /* 2^53 - 1 */
#define LARGEST "cf001fffffffffffff"

static void is_a_canonical_map(void)
{
    uint8_t out[SHOAL_MAX_IDENTITY];
    size_t size;

    EXPECT(shoal_stock_identity_new(text("a:1"), 1, out, &size) == 0);
    EXPECT(bytes_are(out, size, STOCK("01")));
    EXPECT(shoal_stock_identity_new(text("a:1"), 128, out, &size) == 0);
    EXPECT(bytes_are(out, size, STOCK("cc80")));
    EXPECT(shoal_stock_identity_new(text("a:1"), 1795416443, out, &size) == 0);
    EXPECT(bytes_are(out, size, STOCK("ce6b03e17b")));
    EXPECT(shoal_stock_identity_new(text("a:1"), MAX, out, &size) == 0);
    EXPECT(bytes_are(out, size, STOCK(LARGEST)));
    size = 99;
    EXPECT(shoal_stock_identity_new(text("a:1"), MAX + 1, out, &size) ==
           SHOAL_ERR_IDENTITY);
    EXPECT(shoal_stock_identity_new(text("a:1"), UINT64_MAX, out, &size) ==
           SHOAL_ERR_IDENTITY);
    EXPECT(size == 99);
}

static void has_an_address_that_fits(void)
{
    char addr[1024];
    uint8_t *out = malloc(SHOAL_MAX_IDENTITY);
    size_t size = 99;
    /* 1 + 5 + 3 (the str's head) + the address + 5 + 1 */
    size_t longest = SHOAL_MAX_IDENTITY - 15;

    memset(addr, 'x', sizeof addr);
    EXPECT(shoal_stock_identity_new(text("\xc1:3"), 1, out, &size) ==
           SHOAL_ERR_IDENTITY);
    EXPECT(shoal_stock_identity_new((shoal_bytes){NULL, 0}, 1, out, &size) ==
           SHOAL_ERR_IDENTITY);
    EXPECT(size == 99);
    for (size_t length = 1; length < sizeof addr; length++) {
        shoal_bytes bytes = {(const uint8_t *)addr, length}, found, endpoint;
        int error = shoal_stock_identity_new(bytes, 1, out, &size);

        EXPECT(error == (length <= longest ? 0 : SHOAL_ERR_IDENTITY));
        if (error)
            continue;
        EXPECT(stock.addr(NULL, (shoal_bytes){out, size}, room, &found,
                          &endpoint) == 0);
        EXPECT(found.size == length && memcmp(found.data, addr, length) == 0);
        EXPECT(found.data > out && found.data < out + size);
        EXPECT(endpoint.data == found.data && endpoint.size == found.size);
    }
    free(out);
}

static int addr_of(const char *hex)
{
    struct bytes id = bytes_of_hex(hex);
    shoal_bytes addr, endpoint;
    int error = stock.addr(NULL, spanning(id), room, &addr, &endpoint);

    expect_subject = hex;
    if (!error)
        EXPECT(bytes_are(addr.data, addr.size, "613a31"));
    free(id.data);
    return error;
}

static void carries_further_keys(void)
{
    /* "zip" sorts first: its encoding is shorter. */
    EXPECT(addr_of("83 a37a6970 01 a461646472a3613a31 a462756d7001") == 0);
    EXPECT(addr_of("84 a461646472a3613a31 a462756d7001 a46d657461 8101 92c0c3"
                   "a46e616d65 a178") == 0);
    EXPECT(addr_of("83 a461646472a3613a31 a462756d7001 c3 c0") == 0);
    EXPECT(addr_of("83 05 c0 a461646472a3613a31 a462756d7001") == 0);
    EXPECT(addr_of("de0002 a461646472a3613a31 a462756d7001") == 0);
}

static void is_nothing_else(void)
{
    static const char *const others[] = {
        "",
        "c0",
        "01",
        "a3613a31",
        "92a3613a3101",
        "80",
        "81a461646472a3613a31",               /* no bump */
        "81a462756d7001",                     /* no addr */
        "82a461646472a0a462756d7001",         /* empty addr */
        "82a461646472a3c13a33a462756d7001",   /* the mark of no text */
        "82a46164647205a462756d7001",         /* of a wrong */
        "82a461646472c403613a31a462756d7001", /* type */
        STOCK("ff"),
        STOCK("c0"),
        STOCK("a131"),
        STOCK("cb3ff0000000000000"),
        STOCK("d0ff"),
        STOCK("cf0020000000000000"), /* 2^53: where doubles lose bits */
        STOCK("cfffffffffffffffff"),
        STOCK("0100"), /* more behind it */
        "83c3c0a461646472a3613a31a462756d7001",
        "82a462756d7001a461646472a3613a31",                   /* order */
        "83a461646472a3613a31a461646472a3623a32a462756d7001", /* twice */
        "83a461646472a3613a31a462756d7001a462756d7002",
        "83a461646472a3613a31a462756d7001a3787878c0", /* order */
        "83a461646472a3613a31a462756d7001",           /* cut short */
        "82a461646472a3613a31c1",
    };

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        EXPECT(addr_of(others[i]) == SHOAL_ERR_IDENTITY);
    /* Nested 8 deep, with the map around it, and 9. */
    EXPECT(addr_of("83a461646472a3613a31a462756d7001a46d657461"
                   "9191919191919101") == 0);
    EXPECT(addr_of("83a461646472a3613a31a462756d7001a46d657461"
                   "919191919191919101") == SHOAL_ERR_IDENTITY);
}

static void is_refused_cut_short_at_any_byte(void)
{
    struct bytes id = bytes_of_hex("83 a461646472a3613a31 a462756d70ce6b03e17b"
                                   "a46d6574618101a161");

    expect_subject = "cut short";
    for (size_t size = 0; size < id.size; size++) {
        struct bytes part = bytes_copy_of(id.data, size);
        shoal_bytes addr, endpoint;

        EXPECT(stock.addr(NULL, spanning(part), room, &addr, &endpoint) ==
               SHOAL_ERR_IDENTITY);
        free(part.data);
    }
    free(id.data);
}

/* What `renew` makes of `hex`, against `rival` ("": nobody): 1 and `wanted`, or
 * the answer and `wanted` NULL. */
static int renewal_against(const char *hex, const char *rival,
                           const char *wanted)
{
    struct bytes id = bytes_of_hex(hex), adversary = bytes_of_hex(rival);
    uint8_t *out = malloc(SHOAL_MAX_IDENTITY);
    size_t size = 0;
    int answer =
        stock.renew(NULL, spanning(id), spanning(adversary), out, &size);

    expect_subject = hex;
    if (answer == 1) {
        EXPECT(wanted && bytes_are(out, size, wanted));
        EXPECT(stock.wins(NULL, (shoal_bytes){out, size}, spanning(id)) == 1);
        EXPECT(stock.wins(NULL, spanning(id), (shoal_bytes){out, size}) == 0);
        EXPECT(adversary.size == 0 || stock.wins(NULL, (shoal_bytes){out, size},
                                                 spanning(adversary)) != 0);
    }
    free(out);
    free(id.data);
    free(adversary.data);
    return answer;
}

static int renewal(const char *hex, const char *wanted)
{
    return renewal_against(hex, "", wanted);
}

static void is_renewed_by_one_more_bump(void)
{
    EXPECT(renewal(STOCK("01"), STOCK("02")) == 1);
    EXPECT(renewal(STOCK("7f"), STOCK("cc80")) == 1);
    EXPECT(renewal(STOCK("ccff"), STOCK("cd0100")) == 1);
    EXPECT(renewal(STOCK("cdffff"), STOCK("ce00010000")) == 1);
    EXPECT(renewal(STOCK("ceffffffff"), STOCK("cf0000000100000000")) == 1);
    EXPECT(renewal(STOCK("cf001ffffffffffffe"), STOCK("cf001fffffffffffff")) ==
           1);
    EXPECT(renewal(STOCK("cd0001"), STOCK("02")) == 1);
    EXPECT(renewal("83a461646472a3613a31a462756d707fa46d6574618101c3",
                   "83a461646472a3613a31a462756d70cc80a46d6574618101c3") == 1);
    EXPECT(renewal(STOCK("cf001ffffffffffffe"), STOCK(LARGEST)) == 1);
    EXPECT(renewal(STOCK("cf0020000000000000"), NULL) == SHOAL_ERR_IDENTITY);
    EXPECT(renewal("01", NULL) == SHOAL_ERR_IDENTITY);
}

static void is_renewed_above_whoever_beats_it(void)
{
    EXPECT(renewal_against(STOCK("01"), STOCK("07"), STOCK("08")) == 1);
    EXPECT(renewal_against(STOCK("07"), STOCK("01"), STOCK("08")) == 1);
    EXPECT(renewal_against(STOCK("01"), "c0", STOCK("02")) == 1);
    EXPECT(renewal_against(
               "83a461646472a3613a31a462756d7001a46d6574618101c3",
               "83a461646472a3613a31a462756d7005a46d657461a3796f75",
               "83a461646472a3613a31a462756d7006a46d6574618101c3") == 1);
}

/* Whoever comes to the largest bump counts lives. */
static void has_a_life_after_the_largest_bump(void)
{
    EXPECT(renewal(STOCK("cf001fffffffffffff"),
                   LIVED("cf001fffffffffffff", "01")) == 1);
    EXPECT(renewal_against(STOCK("01"), LIVED("cf001fffffffffffff", "04"),
                           LIVED("cf001fffffffffffff", "05")) == 1);
    EXPECT(renewal_against("83a461646472a3613a31a462756d7001a46d6574618101c3",
                           STOCK("cf001fffffffffffff"),
                           "84a461646472a3613a31a462756d70cf001fffffffffffff"
                           "a46c69666501a46d6574618101c3") == 1);
    EXPECT(renewal(LIVED("05", "07"), STOCK("06")) == 1);
    EXPECT(renewal(LIVED("cf001fffffffffffff", "cf001fffffffffffff"), NULL) ==
           0);
}

static void has_no_bump_that_a_lua_number_cannot_hold(void)
{
    shoal_bytes addr, endpoint;
    struct bytes id = bytes_of_hex(STOCK("cf0020000000000000"));
    uint8_t out[SHOAL_MAX_IDENTITY];
    size_t size;

    expect_subject = "2^53";
    EXPECT(stock.addr(NULL, spanning(id), room, &addr, &endpoint) ==
           SHOAL_ERR_IDENTITY);
    EXPECT(shoal_stock_identity_new((shoal_bytes){(const uint8_t *)"a:1", 3},
                                    (uint64_t)1 << 53, out,
                                    &size) == SHOAL_ERR_IDENTITY);
    free(id.data);
}

static void is_not_renewed_beyond_the_largest_size(void)
{
    char addr[SHOAL_MAX_IDENTITY];
    uint8_t *id = malloc(SHOAL_MAX_IDENTITY), *out = malloc(SHOAL_MAX_IDENTITY);
    shoal_bytes longest = {(const uint8_t *)addr, SHOAL_MAX_IDENTITY - 15};
    size_t size, renewed;

    expect_subject = "of 512 bytes";
    memset(addr, 'x', sizeof addr);
    EXPECT(shoal_stock_identity_new(longest, 126, id, &size) == 0);
    EXPECT(size == SHOAL_MAX_IDENTITY);
    EXPECT(stock.renew(NULL, (shoal_bytes){id, size}, (shoal_bytes){0}, out,
                       &renewed) == 1);
    EXPECT(renewed == SHOAL_MAX_IDENTITY);
    EXPECT(stock.renew(NULL, (shoal_bytes){out, renewed}, (shoal_bytes){0}, id,
                       &size) == 0);
    free(id);
    free(out);
}

static int wins(const char *id, const char *adversary)
{
    struct bytes a = bytes_of_hex(id), b = bytes_of_hex(adversary);
    int answer = stock.wins(NULL, spanning(a), spanning(b));

    expect_subject = id;
    free(a.data);
    free(b.data);
    return answer;
}

static void wins_by_bump_then_by_bytes(void)
{
    static const char *const plain = STOCK("05");
    static const char *const meta =
        "83a461646472a3613a31a462756d7005a46d65746101";

    EXPECT(wins(STOCK("02"), STOCK("01")) == 1);
    EXPECT(wins(STOCK("01"), STOCK("02")) == 0);
    EXPECT(wins(STOCK("cc80"), STOCK("7f")) == 1);
    EXPECT(wins(STOCK("ce00010000"), STOCK("cdffff")) == 1);
    EXPECT(wins(STOCK("cf001fffffffffffff"), STOCK("00")) == 1);
    EXPECT(wins(LIVED("05", "01"), STOCK("05")) == 1);
    EXPECT(wins(LIVED("05", "02"), LIVED("05", "01")) == 1);
    EXPECT(wins(LIVED("05", "02"), STOCK("06")) == 0);
    /* One of the two wins, whoever is asked; nobody wins against itself. */
    EXPECT(wins(meta, plain) == 1);
    EXPECT(wins(plain, meta) == 0);
    EXPECT(wins(plain, plain) == 0);
    /* However much larger its bytes are, bump decides. */
    EXPECT(wins(STOCK("06"), meta) == 1);
    EXPECT(wins(meta, STOCK("06")) == 0);
    EXPECT(wins("01", STOCK("06")) == SHOAL_ERR_IDENTITY);
    EXPECT(wins(STOCK("06"), "c1") == SHOAL_ERR_IDENTITY);
}

/* ---- The compact form ---- */

/* 10.0.0.1:7946 and [2001:db8::1]:7946; `bump` has 6 bytes. */
#define V4(bump)     "c70c01 1f0a 0a000001" bump
#define V6(bump)     "c71802 1f0a 20010db8000000000000000000000001" bump
#define V4_MAP(bump) "82a461646472ad31302e302e302e313a37393436a462756d70" bump
/* With the name "x". */
#define V4_NAMED(bump) "c70d01 1f0a 0a000001" bump "78"
#define V4_NAMED_MAP(bump)                                                     \
    "83a461646472ad31302e302e302e313a37393436a462756d70" bump "a46e616d65a178"

static void expect_new(const char *addr, uint64_t bump, const char *hex)
{
    uint8_t out[SHOAL_MAX_IDENTITY];
    size_t size;

    expect_subject = addr;
    EXPECT(shoal_stock_identity_new(text(addr), bump, out, &size) == 0);
    EXPECT(bytes_are(out, size, hex));
}

static void is_compact_with_an_ip_address(void)
{
    expect_new("10.0.0.1:7946", 1, V4("000000000001"));
    expect_new("10.0.0.1:7946", 1795416443123, V4("01a20728c8f3"));
    expect_new("10.0.0.1:7946", (UINT64_C(1) << 48) - 1, V4("ffffffffffff"));
    expect_new("10.0.0.1:7946", UINT64_C(1) << 48,
               V4_MAP("cf0001000000000000"));
    expect_new("[2001:db8::1]:7946", 1, V6("000000000001"));
    expect_new("10.0.0.01:1", 1,
               "82a461646472ab31302e302e302e30313a31"
               "a462756d7001");
    expect_new("[::ffff:10.0.0.1]:1", 1,
               "82a461646472b35b3a3a666666663a31302e302e302e315d3a31"
               "a462756d7001");
}

static void expect_addr(const char *hex, const char *wanted)
{
    struct bytes id = bytes_of_hex(hex);
    shoal_bytes addr, endpoint;

    expect_subject = hex;
    EXPECT(stock.addr(NULL, spanning(id), room, &addr, &endpoint) == 0);
    EXPECT(addr.size == strlen(wanted) &&
           memcmp(addr.data, wanted, addr.size) == 0);
    EXPECT(endpoint.data == addr.data && endpoint.size == addr.size);
    free(id.data);
}

static void has_the_address_of_its_map(void)
{
    expect_addr(V4("000000000001"), "10.0.0.1:7946");
    expect_addr(V4_NAMED("000000000001"), "10.0.0.1:7946");
    expect_addr(V6("000000000001"), "[2001:db8::1]:7946");
    expect_addr("c71901 1f0a 0a000001 000000000001"
                "5b323030313a6462383a3a315d",
                "10.0.0.1:7946"); /* as long as one of IPv6 */
}

static void has_no_other_form(void)
{
    static const char *const others[] = {
        /* Maps that have a compact form. */
        V4_MAP("01"),
        V4_MAP("cd0001"),
        V4_MAP("cf0000ffffffffffff"),
        V4_NAMED_MAP("01"),
        "de0002a461646472ad31302e302e302e313a37393436a462756d7001",
        /* Not one: type, size, address. */
        "c70c00 1f0a 0a000001 000000000001",
        "c70c03 1f0a 0a000001 000000000001",
        "c70cff 1f0a 0a000001 000000000001",
        "c70c02 1f0a 0a000001 000000000001",
        "c70b01 1f0a 0a000001 0000000001",
        "c70d01 1f0a 0a000001 000000000001",
        "c70c01 1f0a 0a000001 00000000000100",
        "c70c01 1f0a 0a000001 0000000000",
        "c8000c01 1f0a 0a000001 000000000001",
        "c71802 1f0a 00000000000000000000ffff0a000001 000000000001",
        "c70001",
        "c70c",
        "c7",
        "d801 1f0a 0a000001 000000000001 78787878",
    };
    uint8_t out[SHOAL_MAX_IDENTITY];
    size_t size;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct bytes id = bytes_of_hex(others[i]);

        EXPECT(addr_of(others[i]) == SHOAL_ERR_IDENTITY);
        EXPECT(stock.renew(NULL, spanning(id), (shoal_bytes){0}, out, &size) ==
               SHOAL_ERR_IDENTITY);
        free(id.data);
        EXPECT(wins(others[i], STOCK("01")) == SHOAL_ERR_IDENTITY);
        EXPECT(wins(STOCK("01"), others[i]) == SHOAL_ERR_IDENTITY);
    }
    /* An empty name, one that is none, and one that is too long stay in maps.
     */
    expect_addr("83a461646472ad31302e302e302e313a37393436a462756d7001"
                "a46e616d65a0",
                "10.0.0.1:7946");
    expect_addr("83a461646472ad31302e302e302e313a37393436a462756d7001"
                "a46e616d6505",
                "10.0.0.1:7946");
}

/* 255 bytes less port, address and bump. */
static void has_a_compact_name_while_it_fits(void)
{
    enum { LONGEST = 243 };
    char map[1024];
    uint8_t out[SHOAL_MAX_IDENTITY];
    size_t size;

    for (unsigned length = LONGEST - 3; length <= 255; length++) {
        int end = sprintf(map,
                          "83a461646472ad31302e302e302e313a37393436a462756d7001"
                          "a46e616d65d9%02x",
                          length);
        struct bytes id;

        for (unsigned i = 0; i < length; i++)
            end += sprintf(map + end, "78");
        expect_subject = map;
        id = bytes_of_hex(map);
        EXPECT(stock.renew(NULL, spanning(id), (shoal_bytes){0}, out, &size) ==
               (length <= LONGEST ? SHOAL_ERR_IDENTITY : 1));
        free(id.data);
    }
}

static void renews_its_compact_form(void)
{
    EXPECT(renewal(V4("000000000001"), V4("000000000002")) == 1);
    EXPECT(renewal(V4("0000000000ff"), V4("000000000100")) == 1);
    EXPECT(renewal(V6("000000000001"), V6("000000000002")) == 1);
    EXPECT(renewal(V4_NAMED("000000000001"), V4_NAMED("000000000002")) == 1);
    /* The bump outgrows it. */
    EXPECT(renewal(V4("ffffffffffff"), V4_MAP("cf0001000000000000")) == 1);
    EXPECT(renewal(V4_NAMED("ffffffffffff"),
                   V4_NAMED_MAP("cf0001000000000000")) == 1);
    EXPECT(renewal_against(V4_NAMED("000000000001"), V4("000000000007"),
                           V4_NAMED("000000000008")) == 1);
    EXPECT(renewal_against(V4("000000000001"), V4_MAP("cf0001000000000000"),
                           V4_MAP("cf0001000000000001")) == 1);
    EXPECT(renewal_against(
               V4_NAMED("000000000001"), LIVED(LARGEST, "02"),
               "84a461646472ad31302e302e302e313a37393436a462756d70" LARGEST
               "a46c69666503a46e616d65a178") == 1);
    /* What it has no more made it a map. */
    EXPECT(renewal("83a461646472ad31302e302e302e313a37393436a462756d7005"
                   "a46c69666507",
                   V4("000000000006")) == 1);
}

static void wins_in_whichever_form(void)
{
    EXPECT(wins(V4("000000000002"), V4("000000000001")) == 1);
    EXPECT(wins(V4("000000000001"), V4("000000000002")) == 0);
    EXPECT(wins(V4("000000000001"), V4("000000000001")) == 0);
    EXPECT(wins(V4_MAP("cf0001000000000000"), V4("ffffffffffff")) == 1);
    EXPECT(wins(V4("ffffffffffff"), V4_MAP("cf0001000000000000")) == 0);
    EXPECT(wins(V4("000000000006"), STOCK("05")) == 1);
    /* One of the two, where the bumps are equal. */
    EXPECT(wins(V4("000000000005"), STOCK("05")) == 1);
    EXPECT(wins(STOCK("05"), V4("000000000005")) == 0);
    EXPECT(wins(V4_NAMED("000000000005"), V4("000000000005")) == 1);
    EXPECT(wins(V4("000000000005"), V4_NAMED("000000000005")) == 0);
}

int main(void)
{
    stock = shoal_stock_identity();
    is_a_canonical_map();
    has_an_address_that_fits();
    carries_further_keys();
    is_nothing_else();
    is_refused_cut_short_at_any_byte();
    is_renewed_by_one_more_bump();
    is_renewed_above_whoever_beats_it();
    has_a_life_after_the_largest_bump();
    has_no_bump_that_a_lua_number_cannot_hold();
    is_not_renewed_beyond_the_largest_size();
    wins_by_bump_then_by_bytes();
    is_compact_with_an_ip_address();
    has_the_address_of_its_map();
    has_no_other_form();
    has_a_compact_name_while_it_fits();
    renews_its_compact_form();
    wins_in_whichever_form();
    return expect_done();
}
