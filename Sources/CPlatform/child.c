#define _GNU_SOURCE
#include "include/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int martlet_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int martlet_run_shell(const char *command, char *const environment[], int input, int output, pid_t *child)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *const arguments[] = {"sh", "-c", (char *)command, 0};
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error)
        error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&files, input, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&files, output, 1);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&files, output, 2);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(&files, 3);
    if (!error)
        error = posix_spawn_file_actions_addchdir_np(&files, "/");
    if (!error)
        error = posix_spawn(child, "/bin/sh", &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}
