/* SPDX-License-Identifier: MIT */
/* Bytes that wait. */
#include "../../src/base/buffer.h"
#include "expect.h"

static bool holds(const struct buffer *buffer, const char *text)
{
    return bytes_equal(buffer_bytes(buffer), bytes_of_text(text));
}

static void comes_out_in_order(void)
{
    struct buffer buffer = {0};

    EXPECT(holds(&buffer, ""));
    EXPECT(buffer_add(&buffer, bytes_of_text("one,two"), 100));
    buffer_take(&buffer, 4);
    EXPECT(buffer_add(&buffer, bytes_of_text(",three"), 100));
    EXPECT(holds(&buffer, "two,three"));
    buffer_cut(&buffer, 3);
    EXPECT(holds(&buffer, "two"));
    buffer_take(&buffer, 100);
    EXPECT(holds(&buffer, ""));
    buffer_clear(&buffer);
}

static void takes_no_more_than_it_may(void)
{
    struct buffer buffer = {0};

    EXPECT(buffer_add(&buffer, bytes_of_text("12345678"), 10));
    EXPECT(!buffer_add(&buffer, bytes_of_text("abc"), 10));
    EXPECT(holds(&buffer, "12345678"));
    EXPECT(buffer_add_some(&buffer, bytes_of_text("abc"), 10) == 2);
    EXPECT(holds(&buffer, "12345678ab"));
    EXPECT(buffer_add_some(&buffer, bytes_of_text("abc"), 10) == 0);
    EXPECT(!buffer_add(&buffer, bytes_of_text("abc"), 5)); /* holds more */
    buffer_take(&buffer, 3);
    EXPECT(buffer_add(&buffer, bytes_of_text("xyz"), 10));
    EXPECT(holds(&buffer, "45678abxyz"));
    buffer_clear(&buffer);
}

/* What was taken makes room for what comes: memory is for what waits. */
static void stays_as_small_as_what_waits(void)
{
    struct buffer buffer = {0};
    char block[100];

    memset(block, 'x', sizeof block);
    for (int i = 0; i < 1000; i++) {
        EXPECT(buffer_add(&buffer, bytes_of(block, sizeof block), 1000000));
        EXPECT(buffer_add(&buffer, bytes_of(block, sizeof block), 1000000));
        buffer_take(&buffer, 2 * sizeof block - (i == 0));
    }
    EXPECT(buffer_size(&buffer) == 1);
    EXPECT(buffer.room <= 1000);
    buffer_clear(&buffer);
    EXPECT(buffer.room == 0 && buffer_size(&buffer) == 0);
}

int main(void)
{
    comes_out_in_order();
    takes_no_more_than_it_may();
    stays_as_small_as_what_waits();
    return expect_done();
}
