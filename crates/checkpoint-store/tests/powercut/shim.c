/* What a power cut leaves, without a machine to cut: preloaded into a process, it keeps a copy of
 * each file as it was at its last completed fsync or fdatasync. After the process is killed the
 * test puts the copies back.
 *
 * The content is read where the kernel has it, so it does not matter how it got there: write,
 * pwritev, ftruncate, a mapping. sync_file_range makes nothing durable, which is what its manual
 * page promises. Names are durable at once: directories, renames and removals are not modelled.
 * O_SYNC, msync, sync and system calls made without the C library make nothing durable here. So
 * the model may lose more than a disk would, never less, with the one exception of names.
 *
 * POWERCUT_FILES   the directory whose files it watches, absolute and without links
 * POWERCUT_SYNCED  where the copies go; the name of a copy is inode-second.nanosecond, by the time
 *                  of the file's birth, because inode numbers are used again
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYNC_MICROS = 1500 };

static char *files;
static char *synced;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
    const char *from = getenv("POWERCUT_FILES");
    const char *to = getenv("POWERCUT_SYNCED");
    /* Copied: a program may write its title over its environment. */
    if (from && to) {
        files = strdup(from);
        synced = strdup(to);
    }
}

/* Whether the file behind a descriptor is one of those that are watched. */
static int is_watched(int fd) {
    char link[64], path[PATH_MAX + 1];
    struct stat status;
    if (!files || !synced || fstat(fd, &status) || !S_ISREG(status.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0) return 0;
    path[len] = 0;
    size_t prefix = strlen(files);
    return !strncmp(path, files, prefix) && path[prefix] == '/';
}

/* Opened anew: the descriptor itself may be for writing only, and has a position of its own. */
static int open_again(int fd) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return open(link, O_RDONLY | O_CLOEXEC);
}

static int copy_all(int from, int to) {
    static char buffer[1 << 16];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got == 0) return 0;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, buffer + done, got - done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return -1;
            done += put;
        }
    }
}

/* Replaces the copy of a file in one step: a kill in the middle leaves the one before it. What is
 * written while it runs is not covered. */
static int keep_copy(int fd) {
    struct statx status;
    char name[PATH_MAX], half[PATH_MAX];
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status)) return -1;
    if (!(status.stx_mask & STATX_BTIME)) { errno = ENOTSUP; return -1; }
    snprintf(name, sizeof name, "%s/%llu-%lld.%09u", synced, (unsigned long long)status.stx_ino,
             (long long)status.stx_btime.tv_sec, status.stx_btime.tv_nsec);
    snprintf(half, sizeof half, "%s/half-%d", synced, (int)getpid());
    int from = open_again(fd);
    if (from < 0) return -1;
    int to = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int failed = to < 0 || copy_all(from, to);
    close(from);
    if (to >= 0) close(to);
    /* A sync takes its time, and that is when most cuts come. */
    usleep(SYNC_MICROS);
    return failed || rename(half, name) ? -1 : 0;
}

/* One at a time: a sync that began earlier must not put its copy over that of a later one. */
static int make_durable(int fd) {
    if (!is_watched(fd)) return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
    pthread_mutex_lock(&one_at_a_time);
    int result = keep_copy(fd);
    pthread_mutex_unlock(&one_at_a_time);
    if (result) errno = EIO;
    return result;
}

int fsync(int fd) { return make_durable(fd); }

int fdatasync(int fd) { return make_durable(fd); }

int sync_file_range(int fd, off_t offset, off_t bytes, unsigned flags) {
    (void)offset, (void)bytes, (void)flags;
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int sync_file_range64(int fd, off_t offset, off_t bytes, unsigned flags) {
    return sync_file_range(fd, offset, bytes, flags);
}
