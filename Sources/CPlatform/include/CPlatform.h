#ifndef MARTLET_CPLATFORM_H
#define MARTLET_CPLATFORM_H
#include <sys/types.h>
#endif
