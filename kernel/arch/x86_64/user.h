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

/* Is the range in the user half? One comparison, for a size that is known. */
static inline bool user_range(uint64_t address, uint64_t bytes)
{
	return bytes <= USER_END && address <= USER_END - bytes;
}

/* One aligned word, in one load. */
int user_read32(uint32_t *to, uint64_t from);
int user_read(void *to, uint64_t from, uint64_t bytes);
int user_write(uint64_t to, const void *from, uint64_t bytes);

/* `at` may fault; then execution goes on at `to`. Relative to the words themselves. */
#define USER_FIXUP(at, to)                     \
	".pushsection .user_fixups, \"a\"\n\t" \
	".balign 4\n\t"                        \
	".long " at " - ., " to " - .\n\t"     \
	".popsection\n\t"

/*
 * The same in place, for what is to be as short as it can be. Between user_open and user_close nothing
 * is done but this, at addresses that user_range allows. user_put and user_get, of a word of 64 bits, go
 * to the label `fail` if that cannot be; user_copy says how many words were not copied.
 */
static inline void user_open(void)
{
	__asm__ volatile("stac" ::: "memory", "cc");
}

static inline void user_close(void)
{
	__asm__ volatile("clac" ::: "memory", "cc");
}

#define user_put(address, offset, value, fail)                                       \
	__asm__ goto("1: mov %0, %c2(%1)\n\t" USER_FIXUP("1b", "%l3")                \
		     :                                                               \
		     : "r"((uint64_t)(value)), "r"((uint64_t)(address)), "i"(offset) \
		     : "memory"                                                      \
		     : fail)

#define user_get(value, address, offset, fail)                        \
	__asm__ goto("1: mov %c2(%1), %0\n\t" USER_FIXUP("1b", "%l3") \
		     : "=r"(*(value))                                 \
		     : "r"((uint64_t)(address)), "i"(offset)          \
		     : "memory"                                       \
		     : fail)

static inline uint64_t user_copy(void *to, const void *from, uint64_t words)
{
	__asm__ volatile("1: rep movsq\n\t"
			 "2:\n\t" USER_FIXUP("1b", "2b")
			 : "+D"(to), "+S"(from), "+c"(words)
			 :
			 : "memory");
	return words;
}

#endif
