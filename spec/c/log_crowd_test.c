/* SPDX-License-Identifier: MIT */
/* How many lines a crowd gets. */
#include "expect.h"
#include "host/log_crowd.h"

enum { A_SECOND = 1000 * 1000 };

static void ten_lines_in_a_second_then_how_many_more(void)
{
    struct log_crowd crowd = {0};
    int i, lines = 0;

    for (i = 0; i < 1000; i++)
        lines += log_crowd_pass(&crowd, (uint64_t)i * 900);
    EXPECT(lines == LOG_CROWD_LINES);
    EXPECT(log_crowd_rest(&crowd, A_SECOND - 1) == 0);
    EXPECT(log_crowd_rest(&crowd, A_SECOND) == 1000 - LOG_CROWD_LINES);
    EXPECT(log_crowd_rest(&crowd, A_SECOND) == 0);
}

static void those_that_come_one_after_the_other_have_a_line_each(void)
{
    struct log_crowd crowd = {0};
    uint64_t i;

    for (i = 0; i < 100; i++)
        EXPECT(log_crowd_pass(&crowd, i * A_SECOND / LOG_CROWD_LINES));
    EXPECT(log_crowd_rest(&crowd, 100 * (uint64_t)A_SECOND) == 0);
}

static void the_next_second_begins_with_its_first_line(void)
{
    struct log_crowd crowd = {0};
    int i;

    for (i = 0; i < 12; i++)
        (void)log_crowd_pass(&crowd, 0);
    EXPECT(log_crowd_pass(&crowd, 5 * (uint64_t)A_SECOND));
    EXPECT(log_crowd_rest(&crowd, 5 * (uint64_t)A_SECOND) == 0);
    EXPECT(log_crowd_rest(&crowd, 6 * (uint64_t)A_SECOND) == 2);
}

int main(void)
{
    ten_lines_in_a_second_then_how_many_more();
    those_that_come_one_after_the_other_have_a_line_each();
    the_next_second_begins_with_its_first_line();
    return expect_done();
}
