#include "allocator.h"
#include <malloc.h>

int martlet_map_allocations(int octets) { return mallopt(M_MMAP_THRESHOLD, octets); }
