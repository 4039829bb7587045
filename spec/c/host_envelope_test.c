/* SPDX-License-Identifier: MIT */
/* The cluster label around a packet. */
#include "host_test.h"

#include "host/envelope.h"

static shoal_bytes seal(const struct envelope *envelope, const char *packet,
                        uint8_t *out)
{
    size_t size = strlen(packet);

    memcpy(out, envelope->prefix, envelope->size);
    memcpy(out + envelope->size, packet, size);
    return (shoal_bytes){out, envelope->size + size};
}

static struct envelope envelope_for(const char *label)
{
    struct envelope envelope;

    CHECK(envelope_init(&envelope, label, NULL) == 0);
    return envelope;
}

/* A packet sealed with one label and opened with another (NULL: none). */
static bool passes(const char *from, const char *to)
{
    struct envelope sealed = envelope_for(from), opened = envelope_for(to);
    uint8_t buffer[200];
    shoal_bytes packet;

    if (!envelope_open(&opened, seal(&sealed, "packet", buffer), &packet))
        return false;
    CHECK(packet.size == 6 && memcmp(packet.data, "packet", 6) == 0);
    return true;
}

static void a_packet_passes_within_its_cluster_only(void)
{
    CHECK(passes(NULL, NULL));
    CHECK(passes("", NULL));
    CHECK(passes("blue", "blue"));
    CHECK(!passes("blue", "green"));
    CHECK(!passes("blue", "blu"));
    CHECK(!passes("blu", "blue"));
    CHECK(!passes("blue", NULL));
    CHECK(!passes(NULL, "blue"));
}

static void a_label_has_64_bytes_at_most(void)
{
    char label[66];
    struct error error;
    struct envelope envelope;

    memset(label, 'x', sizeof label);
    label[64] = '\0';
    CHECK(envelope_init(&envelope, label, &error) == 0);
    CHECK(envelope.size == 66 && envelope.prefix[1] == 64);
    label[64] = 'x';
    label[65] = '\0';
    CHECK(envelope_init(&envelope, label, &error) == -1);
    CHECK_SAYS(error.text, "65 bytes");
}

static void the_bytes_are_as_documented(void)
{
    struct envelope envelope = envelope_for("ab");
    uint8_t buffer[200];
    shoal_bytes sealed = seal(&envelope, "p", buffer);

    CHECK(sealed.size == 5 && memcmp(sealed.data,
                                     "\xc1\x02"
                                     "abp",
                                     5) == 0);
}

static void a_broken_envelope_is_never_read_beyond_its_end(void)
{
    static const uint8_t bytes[] = {0xc1, 4, 'b', 'l', 'u', 'e', 'x'};
    struct envelope none = envelope_for(NULL), blue = envelope_for("blue");
    size_t size;

    for (size = 0; size <= sizeof bytes; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        shoal_bytes datagram = {exact, size}, packet;

        memcpy(exact, bytes, size);
        CHECK(envelope_open(&blue, datagram, &packet) == (size >= 6));
        /* cut off, it is nobody's envelope: the engine is to refuse it */
        CHECK(envelope_open(&none, datagram, &packet) == (size < 6));
        free(exact);
    }
}

static void a_label_of_no_or_too_many_bytes_is_no_envelope(void)
{
    uint8_t bytes[100] = {0xc1, 0};
    struct envelope none = envelope_for(NULL);
    shoal_bytes packet;

    CHECK(envelope_open(&none, (shoal_bytes){bytes, 100}, &packet));
    bytes[1] = 65;
    CHECK(envelope_open(&none, (shoal_bytes){bytes, 100}, &packet));
    bytes[1] = 64;
    CHECK(!envelope_open(&none, (shoal_bytes){bytes, 100}, &packet));
}

int main(void)
{
    RUN(a_packet_passes_within_its_cluster_only);
    RUN(a_label_has_64_bytes_at_most);
    RUN(the_bytes_are_as_documented);
    RUN(a_broken_envelope_is_never_read_beyond_its_end);
    RUN(a_label_of_no_or_too_many_bytes_is_no_envelope);
    return 0;
}
