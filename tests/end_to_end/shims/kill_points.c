/* Loaded before libc by a test: the process dies at one call that changes a file below
 * PENSTOCK_TEST_DATA. A point is "CALL KIND WHEN": KIND is the file's path there with # for
 * numbers, WHEN is before, after, or, of a write, during: half of it is written.
 * PENSTOCK_TEST_KILL=N:POINT dies at the Nth call of that point; PENSTOCK_TEST_CALLS=FILE adds a
 * line "CALL KIND" for each call. Any thread; nothing is allocated. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { name_max = 512, point_max = 600 };

static const char* data_folder;
static const char* point;     /* the one to die at */
static atomic_int calls_left; /* until then */
static int calls_file = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void read_environment(void) {
    data_folder = getenv("PENSTOCK_TEST_DATA");
    const char* kill_at = getenv("PENSTOCK_TEST_KILL");
    if (kill_at != NULL) {
        char* rest = NULL;
        calls_left = (int)strtol(kill_at, &rest, 10);
        point = rest + 1;
    }
    const char* calls = getenv("PENSTOCK_TEST_CALLS");
    if (calls != NULL)
        calls_file = REAL(open)(calls, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* The kind of the file; 0: it is none of the data folder's that matter. */
static int kind_of(const char* path, char* kind) {
    const size_t length = data_folder == NULL ? 0 : strlen(data_folder);
    if (length == 0 || strncmp(path, data_folder, length) != 0) return 0;
    if (strstr(path, "/LOG") != NULL || strcasestr(path, "/lock") != NULL) return 0;
    size_t at = 0;
    for (const char* from = path + length; *from != '\0' && at + 1 < name_max; ++from) {
        const int digit = isdigit((unsigned char)*from);
        if (digit && at > 0 && kind[at - 1] == '#') continue;
        kind[at++] = digit ? '#' : *from;
    }
    kind[at] = '\0';
    return 1;
}

/* Whether it is time to die there. */
static int is_time(const char* call, const char* kind, const char* when) {
    char here[point_max];
    if (point == NULL) return 0;
    snprintf(here, sizeof here, "%s %s %s", call, kind, when);
    return strcmp(here, point) == 0 && --calls_left == 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

struct call {
    const char* name;
    char kind[name_max];
    int watched;
};

static struct call begin(const char* name, const char* path) {
    struct call call = {.name = name};
    call.watched = kind_of(path, call.kind);
    if (!call.watched) return call;
    if (calls_file >= 0) {
        char line[point_max];
        const int length = snprintf(line, sizeof line, "%s %s\n", name, call.kind);
        if (REAL(write)(calls_file, line, (size_t)length) != length) abort();
    }
    if (is_time(name, call.kind, "before")) die();
    return call;
}

static struct call begin_of(const char* name, int file) {
    char link[64];
    char path[name_max];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    return begin(name, path);
}

static void end(const struct call* call) {
    if (call->watched && is_time(call->name, call->kind, "after")) die();
}

static int is_torn(const struct call* call) {
    return call->watched && is_time(call->name, call->kind, "during");
}

/* Defines a call with `name(parameters)` that does `real(arguments)` between its points. */
#define POINT(begun, name, parameters, arguments) \
    int name parameters {                         \
        const struct call call = begun;           \
        const int outcome = REAL(name) arguments; \
        end(&call);                               \
        return outcome;                           \
    }

POINT(begin_of("sync", file), fdatasync, (int file), (file))
POINT(begin_of("sync", file), fsync, (int file), (file))
POINT(begin_of("truncate", file), ftruncate, (int file, off_t size), (file, size))
POINT(begin_of("allocate", file),
      posix_fallocate,
      (int file, off_t at, off_t size),
      (file, at, size))
POINT(begin_of("allocate", file),
      fallocate,
      (int file, int mode, off_t at, off_t size),
      (file, mode, at, size))
POINT(begin("rename", to), rename, (const char* from, const char* to), (from, to))
POINT(begin("link", to), link, (const char* from, const char* to), (from, to))
POINT(begin("remove", path), unlink, (const char* path), (path))
POINT(begin("remove", path), remove, (const char* path), (path))
POINT(begin("remove", path), rmdir, (const char* path), (path))
POINT(begin("folder", path), mkdir, (const char* path, mode_t mode), (path, mode))

int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    struct stat there;
    const int makes = (flags & O_CREAT) != 0 && stat(path, &there) != 0;
    const struct call call = makes ? begin("create", path) : (struct call){.name = "open"};
    const int file = REAL(open)(path, flags, mode);
    end(&call);
    return file;
}

ssize_t write(int file, const void* data, size_t length) {
    const struct call call = begin_of("write", file);
    if (is_torn(&call)) {
        if (REAL(write)(file, data, length / 2) >= 0) die();
    }
    const ssize_t written = REAL(write)(file, data, length);
    end(&call);
    return written;
}

ssize_t pwrite(int file, const void* data, size_t length, off_t at) {
    const struct call call = begin_of("write", file);
    if (is_torn(&call)) {
        if (REAL(pwrite)(file, data, length / 2, at) >= 0) die();
    }
    const ssize_t written = REAL(pwrite)(file, data, length, at);
    end(&call);
    return written;
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t at) {
    const struct call call = begin_of("write", file);
    if (is_torn(&call)) {
        struct iovec half = parts[0];
        if (count == 1) half.iov_len /= 2;
        if (REAL(pwritev)(file, &half, 1, at) >= 0) die();
    }
    const ssize_t written = REAL(pwritev)(file, parts, count, at);
    end(&call);
    return written;
}
