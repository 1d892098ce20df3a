#ifndef MARTLET_ALLOCATOR_H
#define MARTLET_ALLOCATOR_H

/* From that many octets on, memory is mapped on its own and goes back to the system when it is freed; the threshold stays. */
int martlet_map_allocations(int octets);

#endif
