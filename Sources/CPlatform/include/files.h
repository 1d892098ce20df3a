#ifndef MARTLET_FILES_H
#define MARTLET_FILES_H

/* Opens a file for writes that go past the page cache: O_WRONLY, O_DIRECT, O_CLOEXEC, O_NOFOLLOW. A descriptor, or -1 and errno. */
int martlet_open_direct(const char *path);

#endif
