/* What a power cut leaves, without a machine to cut: preloaded into a process, it keeps a copy of
 * each file as it was at its last completed fsync or fdatasync. After the process is killed the
 * test puts the copies back.
 *
 * The content is read where the kernel has it, so it does not matter how it got there: write,
 * pwritev, ftruncate, a mapping. sync_file_range makes nothing durable, which is what its manual
 * page promises. Names are durable at once: directories, renames and removals are not modelled.
 * Lengths that ftruncate set since the last sync are noted beside the copy, eight bytes each: a file
 * system changes a length in one step, where a file that grows by writes can stop anywhere.
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
#include <sys/syscall.h>
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

/* Where the copy of a file is, or what is noted beside it. */
static int name_beside(int fd, const char *suffix, char name[PATH_MAX]) {
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status)) return -1;
    if (!(status.stx_mask & STATX_BTIME)) { errno = ENOTSUP; return -1; }
    snprintf(name, PATH_MAX, "%s/%llu-%lld.%09u%s", synced, (unsigned long long)status.stx_ino,
             (long long)status.stx_btime.tv_sec, status.stx_btime.tv_nsec, suffix);
    return 0;
}

/* Replaces the copy of a file in one step: a kill in the middle leaves the one before it. What is
 * written while it runs is not covered. */
static int keep_copy(int fd) {
    char name[PATH_MAX], lengths[PATH_MAX], half[PATH_MAX];
    if (name_beside(fd, "", name) || name_beside(fd, ".lengths", lengths)) return -1;
    snprintf(half, sizeof half, "%s/half-%d", synced, (int)getpid());
    int from = open_again(fd);
    if (from < 0) return -1;
    int to = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int failed = to < 0 || copy_all(from, to);
    close(from);
    if (to >= 0) close(to);
    /* A sync takes its time, and that is when most cuts come. */
    usleep(SYNC_MICROS);
    if (failed || rename(half, name)) return -1;
    /* A length too many is one that the file had all the same. */
    return unlink(lengths) && errno != ENOENT ? -1 : 0;
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

static int note_length(int fd, long long length) {
    char name[PATH_MAX];
    if (name_beside(fd, ".lengths", name)) return -1;
    int to = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (to < 0) return -1;
    ssize_t put = write(to, &length, sizeof length);
    close(to);
    return put == sizeof length ? 0 : -1;
}

/* Noted first: a kill between the two leaves a length that the file could have had. */
int ftruncate(int fd, off_t length) {
    pthread_mutex_lock(&one_at_a_time);
    int failed = is_watched(fd) && note_length(fd, length);
    int result = failed ? -1 : (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_unlock(&one_at_a_time);
    return result;
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int sync_file_range(int fd, off_t offset, off_t bytes, unsigned flags) {
    (void)offset, (void)bytes, (void)flags;
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int sync_file_range64(int fd, off_t offset, off_t bytes, unsigned flags) {
    return sync_file_range(fd, offset, bytes, flags);
}
