/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "../base/bytes.h"
#include "../control/socket_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static const char path_mark[] = "unix:";

static int make_socket(sa_family_t family)
{
    int fd = socket(family, SOCK_STREAM, 0), on = 1;

    if (fd < 0)
        return -1;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return fd;
}

static int parse(const char *where, bool is_public, struct address *out,
                 struct error *error)
{
    if (strstr(where, "://"))
        return error_fail(error,
                          "%s is not a place: an address and a port are, as "
                          "127.0.0.1:7947, or unix:PATH",
                          where);
    return address_parse_listener(where, is_public,
                                  "read what this node knows. To let them, "
                                  "add --http-public and --http-token-file",
                                  out, error);
}

static int listen_at(struct listen_place *place, const char *where,
                     const struct address *address, struct error *error)
{
    struct address bound = {.size = sizeof bound.as};
    int fd = make_socket(address->as.any.sa_family);

    if (fd < 0)
        return error_errno(error, errno, "cannot create a socket");
    if (bind(fd, &address->as.any, address->size) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &bound.as.any, &bound.size) != 0) {
        error_errno(error, errno, "cannot listen on %s", where);
        close(fd);
        return -1;
    }
    address_format(&bound, place->text);
    return fd;
}

/* Nobody who asks for HTTP at a path asks for a folder, too. */
static int check_folder(const char *path, struct error *error)
{
    struct sockaddr_un address;
    char folder[SOCKET_FOLDER_MAX];

    if (stream_path_address(path, &address, error) != 0)
        return -1;
    socket_folder_of(path, folder);
    if (access(folder, F_OK) == 0)
        return 0;
    return error_errno(error, errno, "cannot listen on %s: the folder %s", path,
                       folder);
}

int place_listen(struct listen_place *place, const char *where, bool is_public,
                 const struct socket_access *allowed, struct error *error)
{
    size_t mark = sizeof path_mark - 1;
    struct address address;

    place->is_path = strncmp(where, path_mark, mark) == 0;
    if (!place->is_path) {
        if (parse(where, is_public, &address, error) != 0)
            return -1;
        return listen_at(place, where, &address, error);
    }
    snprintf(place->text, sizeof place->text, "%s", where);
    if (check_folder(where + mark, error) != 0)
        return -1;
    return stream_path_listen(&place->path, where + mark, allowed, error);
}

void place_remove(const struct listen_place *place)
{
    if (place->is_path)
        stream_path_remove(&place->path);
}
