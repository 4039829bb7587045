/* SPDX-License-Identifier: MIT */
/* Log lines: for people and for machines, whatever bytes are in them. */
#include "host_test.h"

#include "base/log.h"
#include "base/log_line.h"
#include "host/host.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct log log_to_pipe;
static int reader;

static void open_pipe(log_format format)
{
    int ends[2];

    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    log_init(&log_to_pipe);
    log_to_pipe.fd = ends[1];
    log_to_pipe.format = format;
    reader = ends[0];
}

static void close_pipe(void)
{
    close(log_to_pipe.fd);
    close(reader);
}

static const char *written(void)
{
    static char text[3 * LOG_MAX_LINE];
    ssize_t size = read(reader, text, sizeof text - 1);

    text[size > 0 ? size : 0] = '\0';
    return text;
}

/* What one field with that value looks like, behind its name. */
static bool shows(log_format format, shoal_bytes value, const char *expected)
{
    const char *text;
    bool same;

    open_pipe(format);
    log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "t", log_bytes("v", value));
    text = strstr(written(), format == LOG_TEXT ? "v=" : "\"v\":");
    CHECK(text);
    text += format == LOG_TEXT ? 2 : 4;
    same =
        strncmp(text, expected, strlen(expected)) == 0 &&
        strcmp(text + strlen(expected), format == LOG_TEXT ? "\n" : "}\n") == 0;
    if (!same)
        fprintf(stderr, "got %s", text);
    close_pipe();
    return same;
}

static void a_text_line_has_time_level_area_text_and_fields(void)
{
    const char *text;
    int year, millisecond;

    open_pipe(LOG_TEXT);
    log_line(&log_to_pipe, LOG_WARN, LOG_SCRIPT, "slow handler",
             log_str("name", "on_member_up"), log_num("ms", 120.5),
             log_num("count", 3));
    text = written();
    CHECK(sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ", &year,
                 &millisecond) == 2);
    CHECK(strcmp(text + 24, " warn  script  slow handler name=on_member_up "
                            "ms=120.5 count=3\n") == 0);
    close_pipe();
}

static void a_json_line_is_one_object(void)
{
    const char *text;

    open_pipe(LOG_JSON);
    log_line(&log_to_pipe, LOG_ERROR, LOG_ENGINE, "it \"broke\"",
             log_str("addr", "10.0.0.2:7946"), log_num("since", -2),
             log_num("odd", NAN));
    text = written();
    CHECK(strncmp(text, "{\"time\":\"2", 10) == 0);
    CHECK_SAYS(text,
               "Z\",\"level\":\"error\",\"area\":\"engine\",\"text\":\"it "
               "\\\"broke\\\"\",\"addr\":\"10.0.0.2:7946\",\"since\":-2,"
               "\"odd\":null}\n");
    close_pipe();
}

/* As bytes are: that nothing is there must not end a member. */
static void no_text_is_the_empty_text(void)
{
    open_pipe(LOG_TEXT);
    log_line(&log_to_pipe, LOG_WARN, LOG_SCRIPT, "x", log_str("error", NULL));
    CHECK_SAYS(written(), " x error=\"\"\n");
    close_pipe();
}

static void numbers_keep_their_digits(void)
{
    open_pipe(LOG_TEXT);
    log_line(&log_to_pipe, LOG_WARN, LOG_SCRIPT, "x", log_num("a", 1234567.25),
             log_num("b", 0.1 + 0.2), log_num("c", -9007199254740991.),
             log_num("d", 0.123456789));
    const char *text = written();
    CHECK_SAYS(text, " x a=1234567.25 b=0.3 c=-9007199254740991 "
                     "d=0.123456789\n");
    close_pipe();
}

static void values_are_quoted_only_if_they_need_it(void)
{
    CHECK(shows(LOG_TEXT, bytes_of_text("plain-1.5:7"), "plain-1.5:7"));
    CHECK(shows(LOG_TEXT, bytes_of_text(""), "\"\""));
    CHECK(shows(LOG_TEXT, (shoal_bytes){NULL, 0}, "\"\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("two words"), "\"two words\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("a=b"), "\"a=b\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("\"\\"), "\"\\\"\\\\\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("\xc3\xa4"), "\"\xc3\xa4\""));
}

static void no_value_ends_a_line_or_steers_a_terminal(void)
{
    CHECK(shows(LOG_TEXT, bytes_of_text("a\nb\r\t\x1b[2J\x7f"),
                "\"a\\nb\\r\\t\\x1b[2J\\x7f\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("\xc2\x9b"), "\"\\xc2\\x9b\""));
    CHECK(shows(LOG_TEXT, bytes_of_text("\xff\xc3"), "\"\\xff\\xc3\""));
    CHECK(shows(LOG_TEXT, (shoal_bytes){(const uint8_t *)"a\0b", 3},
                "\"a\\x00b\""));
    CHECK(shows(LOG_JSON, bytes_of_text("a\nb\x1b\x7f\xff\xc3\xa4"),
                "\"a\\nb\\u001b\\u007f\\u00ff\xc3\xa4\""));
    /* overlong, a surrogate, beyond the last character, cut off */
    CHECK(shows(LOG_JSON, bytes_of_text("\xc0\xaf"), "\"\\u00c0\\u00af\""));
    CHECK(shows(LOG_JSON, bytes_of_text("\xed\xa0\x80"),
                "\"\\u00ed\\u00a0\\u0080\""));
    CHECK(shows(LOG_JSON, bytes_of_text("\xf4\x90\x80\x80"),
                "\"\\u00f4\\u0090\\u0080\\u0080\""));
    CHECK(shows(LOG_JSON, bytes_of_text("\xf0\x9f\x90"),
                "\"\\u00f0\\u009f\\u0090\""));
    CHECK(shows(LOG_JSON, bytes_of_text("\xf0\x9f\x90\x9f"),
                "\"\xf0\x9f\x90\x9f\""));
}

/* Of every length around the limit: the line stays whole. */
static void a_long_value_is_cut_and_the_line_stays_whole(void)
{
    static char value[LOG_MAX_LINE + 100];
    size_t length;

    memset(value, 'x', sizeof value - 1);
    for (length = LOG_MAX_LINE - 200; length < sizeof value; length++) {
        log_format format = length % 2 ? LOG_JSON : LOG_TEXT;
        const char *text;

        open_pipe(format);
        log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "t",
                 log_bytes("v", (shoal_bytes){(uint8_t *)value, length}),
                 log_num("n", 12345), log_str("w", "another"));
        text = written();
        CHECK(strlen(text) <= LOG_MAX_LINE);
        CHECK(strchr(text, '\n') == text + strlen(text) - 1);
        if (format == LOG_JSON) {
            const char *end = text + strlen(text) - 3;

            CHECK(strcmp(end, "\"}\n") == 0 || strcmp(end, "5}\n") == 0);
        }
        close_pipe();
    }
}

static void the_sentence_itself_may_be_anything(void)
{
    open_pipe(LOG_TEXT);
    log_write(&log_to_pipe, LOG_INFO, LOG_SCRIPT, "say \"hi\"\nand\x1b", NULL,
              0);
    CHECK_SAYS(written(), " say \"hi\"\\nand\\x1b\n");
    close_pipe();
}

/* ---- Levels ---- */

static unsigned evaluated;

static const char *evaluate(void)
{
    evaluated++;
    return "x";
}

static void what_is_not_wanted_is_not_evaluated(void)
{
    open_pipe(LOG_TEXT);
    log_line(&log_to_pipe, LOG_DEBUG, LOG_HOST, "no", log_str("v", evaluate()));
    CHECK(evaluated == 0 && strcmp(written(), "") == 0);
    log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "yes", log_str("v", evaluate()));
    CHECK(evaluated == 1);
    CHECK(!log_wants(NULL, LOG_ERROR, LOG_HOST));
    close_pipe();
}

static void levels_are_for_all_areas_or_for_one(void)
{
    struct log log;

    log_init(&log);
    CHECK(log_set_levels(&log, "warn,engine=trace,cli=off", NULL) == 0);
    CHECK(log_wants(&log, LOG_TRACE, LOG_ENGINE));
    CHECK(!log_wants(&log, LOG_INFO, LOG_HOST));
    CHECK(log_wants(&log, LOG_WARN, LOG_HOST));
    CHECK(!log_wants(&log, LOG_ERROR, LOG_CLI));
    CHECK(log_set_levels(&log, "host=debug", NULL) == 0);
    CHECK(log_wants(&log, LOG_TRACE, LOG_ENGINE)); /* as before */
    CHECK(log_wants(&log, LOG_DEBUG, LOG_HOST));
}

static void wrong_levels_change_nothing(void)
{
    static const char *const wrong[] = {
        "",     "loud",        "info,",     ",info", "info,host",
        "Info", "host=",       "=info",     "info ", "net=info",
        "host", "host=info=x", "info,,info"};
    struct error error;
    struct log log, before;
    size_t i;

    log_init(&log);
    before = log;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(log_set_levels(&log, wrong[i], &error) == -1);
        CHECK_SAYS(error.text, "unknown log");
        CHECK(memcmp(log.levels, before.levels, sizeof log.levels) == 0);
    }
    CHECK(log_set_levels(&log, "trace,net=info", &error) == -1);
    CHECK_SAYS(error.text, "'net'");
}

/* ---- Readers that do not read ---- */

/* How many lines wait in the pipe; they are taken. */
static size_t drain(void)
{
    size_t lines = 0;
    const char *text;

    while (*(text = written()))
        for (; (text = strchr(text, '\n')); text++)
            lines++;
    return lines;
}

static void a_reader_that_does_not_read_costs_lines_and_no_time(void)
{
    char text[2000];
    size_t sent, arrived;

    memset(text, 'x', sizeof text);
    open_pipe(LOG_TEXT);
    for (sent = 0; sent < 1000;
         sent++) /* a pipe holds 64 KiB, of memory 1 MiB */
        log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "filler",
                 log_bytes("v", (shoal_bytes){(uint8_t *)text, sizeof text}));
    CHECK(log_to_pipe.lost > 0);
    arrived = drain();
    CHECK(arrived > 0 && arrived + log_to_pipe.lost == sent);
    close_pipe();
}

static void what_was_lost_is_told_once_somebody_reads_again(void)
{
    char expected[80];
    const char *text;

    open_pipe(LOG_TEXT);
    while (log_to_pipe.lost < 3)
        log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "filler", log_num("n", 1));
    drain();
    log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "here again", log_num("n", 1));
    snprintf(expected, sizeof expected, "lines dropped lines=%d\n", 3);
    text = written();
    CHECK(strstr(text, expected));
    CHECK(strstr(text, "here again"));
    log_line(&log_to_pipe, LOG_INFO, LOG_HOST, "and again", log_num("n", 1));
    CHECK(!strstr(written(), "lost"));
    close_pipe();
}

/* ---- Gates ---- */

static void a_gate_lets_one_through_and_counts_the_rest(void)
{
    log_gate gate = {0};
    uint64_t held_back = 7;

    CHECK(log_gate_open(&gate, 5, 100, &held_back) && held_back == 0);
    CHECK(!log_gate_open(&gate, 6, 100, &held_back));
    CHECK(!log_gate_open(&gate, 104, 100, &held_back));
    CHECK(log_gate_open(&gate, 105, 100, &held_back) && held_back == 2);
    CHECK(!log_gate_open(&gate, 106, 100, &held_back));
}

/* systemd gives the program a stream and says which one it is. */
static void lines_in_the_journal_have_priorities(void)
{
    struct stat status;
    char stream[64];
    struct log log;
    int ends[2], before = dup(STDERR_FILENO);

    CHECK(pipe(ends) == 0 && fstat(ends[1], &status) == 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    CHECK(setenv("JOURNAL_STREAM", stream, 1) == 0);
    log_init(&log);
    CHECK(!log.has_priorities); /* it is not stderr */
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    log_init(&log);
    CHECK(log.has_priorities);
    log.levels[LOG_HOST] = LOG_TRACE;
    reader = ends[0];
    CHECK(fcntl(reader, F_SETFL, O_NONBLOCK) == 0);
    log_write(&log, LOG_WARN, LOG_HOST, "t", NULL, 0);
    CHECK(strncmp(written(), "<4>2", 4) == 0);
    log_write(&log, LOG_TRACE, LOG_HOST, "t", NULL, 0);
    CHECK(strncmp(written(), "<7>2", 4) == 0);
    log.format = LOG_JSON;
    log_write(&log, LOG_ERROR, LOG_HOST, "t", NULL, 0);
    CHECK(strncmp(written(), "<3>{", 4) == 0);
    CHECK(dup2(before, STDERR_FILENO) == STDERR_FILENO);
    CHECK(unsetenv("JOURNAL_STREAM") == 0);
    close(before);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    RUN(a_text_line_has_time_level_area_text_and_fields);
    RUN(a_json_line_is_one_object);
    RUN(no_text_is_the_empty_text);
    RUN(numbers_keep_their_digits);
    RUN(values_are_quoted_only_if_they_need_it);
    RUN(no_value_ends_a_line_or_steers_a_terminal);
    RUN(a_long_value_is_cut_and_the_line_stays_whole);
    RUN(the_sentence_itself_may_be_anything);
    RUN(lines_in_the_journal_have_priorities);
    RUN(what_is_not_wanted_is_not_evaluated);
    RUN(levels_are_for_all_areas_or_for_one);
    RUN(wrong_levels_change_nothing);
    RUN(a_reader_that_does_not_read_costs_lines_and_no_time);
    RUN(what_was_lost_is_told_once_somebody_reads_again);
    RUN(a_gate_lets_one_through_and_counts_the_rest);
    return 0;
}
