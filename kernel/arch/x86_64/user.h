/*
 * user.h - the kernel's only way to memory of a program, by its addresses.
 *
 * SMAP is on: any other access faults, and that is a panic. A page that is not there is resolved as
 * for the program itself (enter_kernel_fault); what cannot be is TWZ_E_OUTSIDE, and then an unknown
 * part was copied. Addresses need not be canonical or aligned. The kernel's lock is held, and the
 * running thread's view is loaded.
 *
 * The program may change what is read here while it is read: copy once, then check the copy.
 */
#ifndef KERNEL_ARCH_USER_H
#define KERNEL_ARCH_USER_H

#include "abi/base.h"
#include "abi/errors.h"

#define USER_END ((uint64_t)1 << 47)

/* Is the range in the user half? */
static inline bool user_range(uint64_t address, uint64_t bytes)
{
	return address <= USER_END && bytes <= USER_END - address;
}

/* One aligned word, in one load. */
int user_read32(uint32_t *to, uint64_t from);
int user_read(void *to, uint64_t from, uint64_t bytes);
int user_write(uint64_t to, const void *from, uint64_t bytes);

#endif
