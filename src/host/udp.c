/* SPDX-License-Identifier: MIT */
#include "udp.h"

#include "../base/error.h"
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) || defined(__FreeBSD__) || defined(__NetBSD__)
#define HAS_MMSG 1
_Static_assert(sizeof(struct udp_message) == sizeof(struct mmsghdr) &&
                   offsetof(struct udp_message, msg_len) ==
                       offsetof(struct mmsghdr, msg_len),
               "udp_message is struct mmsghdr");
#else
#define HAS_MMSG 0
#endif

enum {
    /* A burst of the whole cluster's packets while a handler is busy should
     * wait in the kernel; the system takes as much of this as it allows. */
    SOCKET_BUFFER = 1 << 20,
    /* Two of the largest packets, or UDP_BATCH usual ones. */
    OUTBOX_BYTES = 128 * 1024
};

/* ---- The socket ---- */

static int make_socket(sa_family_t family)
{
#ifdef SOCK_CLOEXEC
    return socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int fd = socket(family, SOCK_DGRAM, 0);

    if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
                    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
#endif
}

/* A path may take less than max_packet_size. Linux forbids routers to make
 * parts of a datagram, and waits for the ICMP message of the one that cannot
 * pass it on: the first datagrams are lost, and where such messages are
 * filtered, all are. IPv6 has no other way. */
static void let_routers_fragment(struct udp *udp)
{
#if defined(IP_MTU_DISCOVER) && defined(IP_PMTUDISC_DONT)
    int dont = IP_PMTUDISC_DONT;

    if (udp->reach.family == AF_INET || udp->reach.dual)
        (void)setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont,
                         sizeof dont);
#else
    (void)udp;
#endif
}

/* No SO_REUSEADDR: on a UDP socket it would let a second node take the port. */
static void set_options(struct udp *udp, const struct address *bind)
{
    int size = SOCKET_BUFFER, off = 0, on = 1;

    (void)setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (udp->reach.family != AF_INET6)
        return;
    if (address_is_wildcard(bind))
        udp->reach.dual = setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
                                     sizeof off) == 0;
    else
        (void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
}

int udp_open(struct udp *udp, const struct address *where, struct error *error)
{
    char text[ADDRESS_MAX_ENDPOINT];

    memset(udp, 0, sizeof *udp);
    udp->plain = !HAS_MMSG;
    udp->reach.family = where->as.any.sa_family;
    udp->reach.loopback = address_is_loopback(where);
    address_format(where, text);
    udp->fd = make_socket(udp->reach.family);
    if (udp->fd < 0)
        return error_errno(error, errno, "cannot create a socket for %s", text);
    set_options(udp, where);
    let_routers_fragment(udp);
    udp->bound.size = sizeof udp->bound.as;
    if (bind(udp->fd, &where->as.any, where->size) != 0 ||
        getsockname(udp->fd, &udp->bound.as.any, &udp->bound.size) != 0) {
        error_errno(error, errno, "cannot bind %s", text);
        udp_close(udp);
        return -1;
    }
    return 0;
}

void udp_close(struct udp *udp)
{
    if (udp->fd >= 0)
        close(udp->fd);
    udp->fd = -1;
}

/* ---- Receiving ---- */

bool udp_inbox_reserve(struct udp_inbox *inbox, size_t room)
{
    uint8_t *buffers;
    int i;

    if (room == inbox->room)
        return true;
    buffers = malloc(room * UDP_BATCH);
    if (!buffers)
        return false;
    free(inbox->buffers);
    inbox->buffers = buffers;
    inbox->room = room;
    for (i = 0; i < UDP_BATCH; i++) {
        inbox->slices[i].iov_base = buffers + room * (size_t)i;
        inbox->slices[i].iov_len = room;
        inbox->messages[i].msg_hdr.msg_name = &inbox->from[i].as;
        inbox->messages[i].msg_hdr.msg_iov = &inbox->slices[i];
        inbox->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return true;
}

/* ---- Where a datagram came to ---- */

#if defined(IP_PKTINFO) && defined(IPV6_RECVPKTINFO)
#define HAS_PKTINFO 1
enum { CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) /* the larger one */ };
#else
#define HAS_PKTINFO 0
enum { CONTROL = CMSG_SPACE(0) };
#endif

/* One control message. */
struct udp_control {
    union {
        struct cmsghdr header; /* its alignment */
        uint8_t bytes[CONTROL];
    } as;
};

#if HAS_PKTINFO

static void ask_for_local(struct udp *udp)
{
    int on = 1;

    if (udp->reach.family == AF_INET6)
        (void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
                         sizeof on);
    else
        (void)setsockopt(udp->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

/* Which interface it came by says nothing about the way back, but for an
 * address that means something there only. false: nobody answers from that
 * address. */
static bool make_source(struct cmsghdr *header)
{
    struct in_pktinfo four;
    struct in6_pktinfo six;

    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        memcpy(&four, CMSG_DATA(header), sizeof four);
        four.ipi_ifindex = 0;
        memcpy(CMSG_DATA(header), &four, sizeof four);
        return true;
    }
    if (header->cmsg_level != IPPROTO_IPV6 || header->cmsg_type != IPV6_PKTINFO)
        return false;
    memcpy(&six, CMSG_DATA(header), sizeof six);
    if (IN6_IS_ADDR_MULTICAST(&six.ipi6_addr))
        return false;
    if (!IN6_IS_ADDR_LINKLOCAL(&six.ipi6_addr))
        six.ipi6_ifindex = 0;
    memcpy(CMSG_DATA(header), &six, sizeof six);
    return true;
}

static void set_source(struct msghdr *out, struct msghdr *from)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(from);
    bool has = header && make_source(header);

    out->msg_control = has ? from->msg_control : NULL;
    out->msg_controllen = has ? from->msg_controllen : 0;
}

#else /* answers leave from where the system likes */

static void ask_for_local(struct udp *udp)
{
    (void)udp;
}

static void set_source(struct msghdr *out, struct msghdr *from)
{
    (void)from;
    out->msg_controllen = 0;
}

#endif

bool udp_hear_local(struct udp *udp, struct udp_inbox *inbox)
{
    int i;

    inbox->control = calloc(UDP_BATCH, sizeof *inbox->control);
    if (!inbox->control)
        return false;
    for (i = 0; i < UDP_BATCH; i++)
        inbox->messages[i].msg_hdr.msg_control = &inbox->control[i];
    ask_for_local(udp);
    return true;
}

void udp_inbox_clear(struct udp_inbox *inbox)
{
    free(inbox->control);
    free(inbox->buffers);
    memset(inbox, 0, sizeof *inbox);
}

/* recvmmsg without recvmmsg. */
static int receive_plainly(int fd, struct udp_message *messages, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        ssize_t size = recvmsg(fd, &messages[i].msg_hdr, MSG_DONTWAIT);

        if (size < 0)
            return i > 0 ? i : -1;
        messages[i].msg_len = (unsigned)size;
    }
    return count;
}

#if HAS_MMSG
/* What a sandbox or an emulation answers that does not have the call. */
static bool is_missing(int number)
{
    return number == ENOSYS || number == EPERM || number == EACCES ||
           number == EINVAL || number == EOPNOTSUPP;
}
#endif

static int receive_batch(struct udp *udp, struct udp_message *messages)
{
#if HAS_MMSG
    if (!udp->plain) {
        int count = recvmmsg(udp->fd, (struct mmsghdr *)messages, UDP_BATCH,
                             MSG_DONTWAIT, NULL);

        if (count >= 0 || !is_missing(errno))
            return count;
        udp->plain = true;
    }
#endif
    return receive_plainly(udp->fd, messages, UDP_BATCH);
}

int udp_receive(struct udp *udp, struct udp_inbox *inbox)
{
    int count, i;

    for (i = 0; i < UDP_BATCH; i++)
        inbox->messages[i].msg_hdr.msg_namelen = sizeof inbox->from[i].as;
    for (i = 0; inbox->control && i < UDP_BATCH; i++)
        inbox->messages[i].msg_hdr.msg_controllen = sizeof *inbox->control;
    do
        count = receive_batch(udp, inbox->messages);
    while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return count;
}

shoal_bytes udp_datagram(const struct udp_inbox *inbox, int i, bool *truncated)
{
    const struct udp_message *message = &inbox->messages[i];

    *truncated = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
    return (shoal_bytes){inbox->slices[i].iov_base, message->msg_len};
}

const struct address *udp_sender(struct udp_inbox *inbox, int i)
{
    inbox->from[i].size = inbox->messages[i].msg_hdr.msg_namelen;
    return &inbox->from[i];
}

/* ---- Sending ---- */

bool udp_outbox_init(struct udp_outbox *outbox)
{
    int i;

    memset(outbox, 0, sizeof *outbox);
    outbox->bytes = malloc(OUTBOX_BYTES);
    if (!outbox->bytes)
        return false;
    for (i = 0; i < UDP_BATCH; i++) {
        outbox->messages[i].msg_hdr.msg_name = &outbox->to[i].as;
        outbox->messages[i].msg_hdr.msg_iov = &outbox->slices[i];
        outbox->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return true;
}

void udp_outbox_clear(struct udp_outbox *outbox)
{
    free(outbox->bytes);
    outbox->bytes = NULL;
    outbox->count = 0;
}

uint8_t *udp_outbox_take(struct udp_outbox *outbox, size_t size,
                         const struct address *to)
{
    uint8_t *at = outbox->bytes + outbox->used;
    unsigned i = outbox->count;

    if (i == UDP_BATCH || size > OUTBOX_BYTES - outbox->used)
        return NULL;
    outbox->slices[i] = (struct iovec){at, size};
    outbox->to[i] = *to;
    outbox->messages[i].msg_hdr.msg_namelen = to->size;
    outbox->used += size;
    outbox->count++;
    return at;
}

bool udp_outbox_add(struct udp_outbox *outbox, shoal_bytes prefix,
                    shoal_bytes packet, const struct address *to)
{
    uint8_t *at = udp_outbox_take(outbox, prefix.size + packet.size, to);

    if (!at)
        return false;
    if (prefix.size > 0)
        memcpy(at, prefix.data, prefix.size);
    memcpy(at + prefix.size, packet.data, packet.size);
    return true;
}

bool udp_outbox_reply(struct udp_outbox *outbox, struct udp_inbox *inbox, int i,
                      shoal_bytes packet)
{
    unsigned at = outbox->count;

    if (!udp_outbox_add(outbox, (shoal_bytes){NULL, 0}, packet,
                        udp_sender(inbox, i)))
        return false;
    if (inbox->control)
        set_source(&outbox->messages[at].msg_hdr, &inbox->messages[i].msg_hdr);
    return true;
}

/* sendmmsg without sendmmsg: how many were taken, or -1 when the first was
 * not. */
static int send_plainly(int fd, struct udp_message *messages, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        ssize_t size =
            sendmsg(fd, &messages[i].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (size < 0)
            return i > 0 ? (int)i : -1;
        messages[i].msg_len = (unsigned)size;
    }
    return (int)count;
}

static int send_batch(struct udp *udp, struct udp_message *messages,
                      unsigned count)
{
#if HAS_MMSG
    if (!udp->plain) {
        int sent = sendmmsg(udp->fd, (struct mmsghdr *)messages, count,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent >= 0 || !is_missing(errno))
            return sent;
        sent = send_plainly(udp->fd, messages, count);
        udp->plain = sent > 0; /* else it is the packet: a firewall's EPERM */
        return sent;
    }
#endif
    return send_plainly(udp->fd, messages, count);
}

/* ECONNREFUSED tells of an earlier datagram that an ICMP message came back for;
 * this one was not tried yet. */
static bool is_about_another(int number)
{
    return number == EINTR || number == ECONNREFUSED;
}

struct udp_sent udp_flush(struct udp *udp, struct udp_outbox *outbox,
                          udp_failed_fn *failed, void *context)
{
    struct udp_sent sent = {0, 0};
    unsigned next = 0, retries = 0;

    while (next < outbox->count) {
        int done =
            send_batch(udp, outbox->messages + next, outbox->count - next);

        if (done > 0) {
            sent.datagrams += (unsigned)done;
            while (done-- > 0)
                sent.bytes += outbox->messages[next++].msg_len;
            retries = 0;
        } else if (is_about_another(errno) && retries++ < 3) {
            continue;
        } else {
            failed(context, &outbox->to[next++], errno);
            retries = 0;
        }
    }
    outbox->count = 0;
    outbox->used = 0;
    return sent;
}
