#ifndef MARTLET_CPLATFORM_H
#define MARTLET_CPLATFORM_H

/* The system calls that Swift's Glibc module does not show. One header a subject. */
#include "allocator.h"
#include "child.h"
#include "files.h"
#include "privileges.h"

#endif
