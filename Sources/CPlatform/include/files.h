#ifndef MARTLET_FILES_H
#define MARTLET_FILES_H

/* Opens a file for writes that go past the page cache: O_WRONLY, O_DIRECT, O_CLOEXEC, O_NOFOLLOW. A descriptor, or -1 and errno. */
int martlet_open_direct(const char *path);

/* Opens an open file once more, for whole blocks that are durable when the write returns: O_WRONLY, O_DIRECT, O_DSYNC, O_CLOEXEC.
   A descriptor, or -1 and errno. */
int martlet_reopen_direct_synchronous(int descriptor);

#endif
