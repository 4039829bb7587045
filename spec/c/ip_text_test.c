/* SPDX-License-Identifier: MIT */
/* IP addresses and ports have one text each. */
#include "../../src/base/rng.h"
#include "../../src/wire/ip_text.h"
#include "expect.h"

static shoal_bytes text(const char *string)
{
    return (shoal_bytes){(const uint8_t *)string, strlen(string)};
}

/* The address as hex, and the port. */
static void is_read_and_written(const char *string, const char *ip,
                                uint16_t port)
{
    struct bytes copy = bytes_copy_of(string, strlen(string));
    uint8_t out[IP_TEXT_MAX];
    struct ip_port address;
    size_t size;

    expect_subject = string;
    EXPECT(ip_text_read((shoal_bytes){copy.data, copy.size}, &address));
    EXPECT(bytes_are(address.ip, address.size, ip));
    EXPECT(address.port == port);
    size = ip_text_write(&address, out);
    EXPECT(size == copy.size && memcmp(out, copy.data, size) == 0);
    free(copy.data);
}

static void is_one_for_each_address(void)
{
    is_read_and_written("10.0.0.1:7946", "0a000001", 7946);
    is_read_and_written("0.0.0.0:0", "00000000", 0);
    is_read_and_written("255.255.255.255:65535", "ffffffff", 65535);
    is_read_and_written("[::]:1", "00000000000000000000000000000000", 1);
    is_read_and_written("[::1]:1", "00000000000000000000000000000001", 1);
    is_read_and_written("[1::]:1", "00010000000000000000000000000000", 1);
    is_read_and_written("[2001:db8::1]:7946",
                        "20010db8000000000000000000000001", 7946);
    is_read_and_written("[fe80::a00:27ff:fe4e:66a1]:80",
                        "fe800000000000000a0027fffe4e66a1", 80);
    /* RFC 5952, 4.2.2: a single zero is written. */
    is_read_and_written("[2001:db8:0:1:1:1:1:1]:80",
                        "20010db8000000010001000100010001", 80);
    /* 4.2.3: the longest run, and of two the first. */
    is_read_and_written("[2001:0:0:1::1]:80",
                        "20010000000000010000000000000001", 80);
    is_read_and_written("[2001:db8::1:0:0:1]:80",
                        "20010db8000000000001000000000001", 80);
    is_read_and_written("[0:1:2:3:4:5:6:7]:80",
                        "00000001000200030004000500060007", 80);
    is_read_and_written("[1:2:3:4:5:6::]:80",
                        "00010002000300040005000600000000", 80);
    is_read_and_written("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                        "ffffffffffffffffffffffffffffffff", 65535);
    /* What some write with dots is nothing special here. */
    is_read_and_written("[::102:304]:80", "00000000000000000000000001020304",
                        80);
}

static void is_nothing_else(void)
{
    static const char *const others[] = {
        "", "a:1", "db.lan:7946", "10.0.0.1", "10.0.0.1:", ":7946",
        "10.0.0.1:07946", "10.0.0.01:7946", "010.0.0.1:7946", "10.0.0.1:65536",
        "10.0.0.1:99999999999", "10.0.0.1:+1", " 10.0.0.1:1", "10.0.0.1:1 ",
        "10.0.0.256:1", "10.0.0:1", "10.0.0.1.1:1", "10..0.1:1", "a.0.0.1:1",
        "[10.0.0.1]:1", "[]:1", "[", "[:", "[::", "[::]", "[::]:", "::1:1",
        "[::1]1", "[::1:1", "[:1]:1", "[1:]:1", "[:::]:1", "[1::2::3]:1",
        "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1", "[1:2:3:4:5:6:7:8::]:1",
        "[2001:DB8::1]:1", "[2001:0db8::1]:1", "[2001:db8:0::1]:1",
        "[2001:db8::1:1:1:1:1]:1", "[0:0:0:0:0:0:0:1]:1", "[12345::]:1",
        "[2001:0:0:1:0:0:0:1]:1", "[2001:db8:0:0:1::1]:1", "[g::]:1",
        /* An IPv4 address. */
        "[::ffff:10.0.0.1]:1", "[::ffff:a00:1]:1", "[::1.2.3.4]:1",
        "[fe80::1%eth0]:1", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:655350"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct bytes copy = bytes_copy_of(others[i], strlen(others[i]));
        struct ip_port address;

        expect_subject = others[i];
        EXPECT(!ip_text_read((shoal_bytes){copy.data, copy.size}, &address));
        free(copy.data);
    }
    EXPECT(!ip_text_read((shoal_bytes){NULL, 0}, &(struct ip_port){0}));
}

/* Whichever: what is written is read again as the same. */
static void goes_there_and_back(void)
{
    struct rng rng = {1};

    expect_subject = "there and back";
    for (int i = 0; i < 20000; i++) {
        struct ip_port in = {.size = i % 2 ? IP_V4 : IP_V6,
                             .port = (uint16_t)rng_next(&rng)},
                       out;
        uint8_t written[IP_TEXT_MAX];
        size_t size;

        for (unsigned byte = 0; byte < in.size; byte++)
            in.ip[byte] = (uint8_t)(rng_below(&rng, 3) ? 0 : rng_next(&rng));
        size = ip_text_write(&in, written);
        EXPECT(size > 0 && size <= IP_TEXT_MAX);
        EXPECT(ip_text_read((shoal_bytes){written, size}, &out));
        EXPECT(out.size == in.size && out.port == in.port &&
               memcmp(out.ip, in.ip, in.size) == 0);
    }
}

static void has_none_for_a_mapped_address(void)
{
    struct bytes ip = bytes_of_hex("00000000000000000000ffff0a000001");
    struct ip_port address = {.size = IP_V6};
    uint8_t out[IP_TEXT_MAX];

    expect_subject = "mapped";
    memcpy(address.ip, ip.data, ip.size);
    EXPECT(ip_text_write(&address, out) == 0);
    free(ip.data);
    EXPECT(!ip_text_read(text("[::ffff:a00:1]:0"), &address));
}

int main(void)
{
    is_one_for_each_address();
    is_nothing_else();
    goes_there_and_back();
    has_none_for_a_mapped_address();
    return expect_done();
}
