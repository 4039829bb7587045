/* SPDX-License-Identifier: MIT */
/* MessagePack values as people read them. */
#include "host_test.h"

#include "host/print.h"

static bool shows(const char *bytes, size_t size, const char *expected)
{
    char out[SHOW_MAX];
    shoal_bytes text =
        print_value((shoal_bytes){(const uint8_t *)bytes, size}, out);

    return text.size == strlen(expected) &&
           memcmp(text.data, expected, text.size) == 0;
}

#define SHOWS(bytes, expected) CHECK(shows(bytes, sizeof bytes - 1, expected))

static void scalars_are_as_people_write_them(void)
{
    SHOWS("\xc0", "nil");
    SHOWS("\xc2", "false");
    SHOWS("\xc3", "true");
    SHOWS("\x05", "5");
    SHOWS("\xff", "-1");
    SHOWS("\xe0", "-32");
    SHOWS("\xcc\xff", "255");
    SHOWS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    SHOWS("\xd0\x80", "-128");
    SHOWS("\xd1\x00\x07", "7");
    SHOWS("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    SHOWS("\xca\x3f\xc0\x00\x00", "1.5");
    SHOWS("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5");
    SHOWS("\xca\x3d\xcc\xcc\xcd", "0.1");
    SHOWS("\xcb\x41\x2e\x84\x81\x0c\xcc\xcc\xcd", "1000000.525");
    SHOWS("\xa3"
          "a:1",
          "a:1");
    SHOWS("\xc4\x02\x00\x01", "<2 bytes>");
}

static void containers_are_as_lua_writes_them(void)
{
    SHOWS("\x90", "{}");
    SHOWS("\x92\x01\x91\xa1z", "{1,{z}}");
    SHOWS("\x82\xa4"
          "addr\xa3"
          "a:1\xa4"
          "bump\x03",
          "{addr=a:1,bump=3}");
}

static void what_is_no_value_is_left_alone_and_what_is_long_is_cut(void)
{
    char expected[SHOW_MAX + 1] = "";
    char string[3 + 300];

    SHOWS("\xc1", "\xc1");
    SHOWS("\x92\x01", "\x92\x01");
    SHOWS("\x01\x02", "\x01\x02");
    memcpy(string, "\xda\x01\x2c", 3);
    memset(string + 3, 'x', 300);
    memset(expected, 'x', SHOW_MAX - 3);
    memcpy(expected + SHOW_MAX - 3, "...", 4);
    CHECK(shows(string, sizeof string, expected));
}

int main(void)
{
    RUN(scalars_are_as_people_write_them);
    RUN(containers_are_as_lua_writes_them);
    RUN(what_is_no_value_is_left_alone_and_what_is_long_is_cut);
    return 0;
}
