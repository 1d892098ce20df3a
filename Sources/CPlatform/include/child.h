#ifndef MARTLET_CHILD_H
#define MARTLET_CHILD_H
#include <sys/types.h>

/*
 * Runs a command with /bin/sh in a process group of its own, in the folder "/", with this environment and no open files but
 * input as standard input and output as standard output and error. 0 and the process, or an errno.
 */
int martlet_run_shell(const char *command, char *const environment[], int input, int output, pid_t *child);

/* A pipe whose ends no other program inherits: reading end, writing end. 0, or -1 and errno. */
int martlet_pipe(int ends[2]);

#endif
