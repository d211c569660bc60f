/* Loaded before libc by a test: a server that only believes that it has synced its files. */
#include <fcntl.h>
#include <stddef.h>

int fdatasync(int file) {
    (void)file;
    return 0;
}

int fsync(int file) {
    (void)file;
    return 0;
}

int sync_file_range(int file, off_t offset, off_t length, unsigned int flags) {
    (void)file, (void)offset, (void)length, (void)flags;
    return 0;
}
