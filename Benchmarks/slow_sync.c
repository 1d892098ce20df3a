/* Preloaded into the measured server: what makes writes durable takes at least a millisecond, as on a disk that is slower than this
   one: fdatasync, fsync, and writes to files that were opened with O_DSYNC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>

static void wait_until_a_millisecond_has_passed_since(struct timespec start) {
    start.tv_nsec += 1000000;
    if (start.tv_nsec >= 1000000000) {
        start.tv_sec += 1;
        start.tv_nsec -= 1000000000;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, 0);
}

#define SLOWED(name)                                                                                  \
    int name(int file) {                                                                              \
        static int (*real)(int);                                                                      \
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);                                      \
        struct timespec start;                                                                        \
        clock_gettime(CLOCK_MONOTONIC, &start);                                                       \
        int result = real(file);                                                                      \
        wait_until_a_millisecond_has_passed_since(start);                                             \
        return result;                                                                                \
    }

SLOWED(fdatasync)
SLOWED(fsync)

#define SLOWED_WHERE_SYNCHRONOUS(name)                                                                \
    ssize_t name(int file, const void *bytes, size_t count, off_t offset) {                           \
        static ssize_t (*real)(int, const void *, size_t, off_t);                                     \
        if (!real) real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, #name);      \
        struct timespec start;                                                                        \
        clock_gettime(CLOCK_MONOTONIC, &start);                                                       \
        ssize_t result = real(file, bytes, count, offset);                                            \
        if (fcntl(file, F_GETFL) & O_DSYNC) wait_until_a_millisecond_has_passed_since(start);         \
        return result;                                                                                \
    }

SLOWED_WHERE_SYNCHRONOUS(pwrite)
SLOWED_WHERE_SYNCHRONOUS(pwrite64)
