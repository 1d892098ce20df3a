#define _GNU_SOURCE
#include "files.h"
#include <fcntl.h>
#include <stdio.h>

int martlet_open_direct(const char *path) { return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW); }

int martlet_reopen_direct_synchronous(int descriptor) {
    // By its descriptor, since the file may have another name by now.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
}
