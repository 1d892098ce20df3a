#ifndef MARTLET_PRIVILEGES_H
#define MARTLET_PRIVILEGES_H
#include <sys/types.h>

/* Drops all supplementary groups and takes the ids as real, effective and saved ones, in all threads. 0, or -1 and errno. */
int martlet_become(uid_t user, gid_t group);

#endif
