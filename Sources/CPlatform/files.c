#define _GNU_SOURCE
#include "files.h"
#include <fcntl.h>

int martlet_open_direct(const char *path) { return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW); }
