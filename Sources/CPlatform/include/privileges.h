#ifndef MARTLET_PRIVILEGES_H
#define MARTLET_PRIVILEGES_H
#include <sys/types.h>

/* Drops all supplementary groups and takes the ids as real, effective and saved ones, in all threads. 0, or -1 and errno. */
int martlet_become(uid_t user, gid_t group);

/* The user at the other end of a Unix socket, as it was when it connected. 0, or -1 and errno. */
int martlet_peer_user(int socket, uid_t *user);

#endif
