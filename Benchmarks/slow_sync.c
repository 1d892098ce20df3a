/* Preloaded into the measured server: fdatasync and fsync take at least a millisecond, as on a disk that is slower than this one. */
#define _GNU_SOURCE
#include <dlfcn.h>
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
