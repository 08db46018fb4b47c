/*
 * probe.h - finds out whether a page can be written, by writing it, or read (tx.h: tx_fixup).
 */
#ifndef TWZ_CORE_PROBE_H
#define TWZ_CORE_PROBE_H

#include "abi/base.h"

/*
 * Stores the byte that is at p; goes to `fail` if there is no page and none can be made. Only for
 * bytes that nobody else stores to meanwhile: those that the transaction has locked.
 */
#define PROBE(p, fail)                                   \
	__asm__ goto("1:\torb $0, %0\n\t"                \
		     ".pushsection twz_fixup, \"a\"\n\t" \
		     ".balign 4\n\t"                     \
		     ".long 1b - .\n\t"                  \
		     ".long %l[" #fail "] - .\n\t"       \
		     ".popsection"                       \
		     :                                   \
		     : "m"(*(volatile uint8_t *)(p))     \
		     : "cc"                              \
		     : fail)

/* Is every page of it there, to be stored to? Makes those that a store would make; for bytes as above. */
static inline bool probe_store(void *to, uint64_t bytes)
{
	uint8_t *p = (uint8_t *)to, *end = p + bytes;

	for (; p < end; p = (uint8_t *)(((uintptr_t)p | (TWZ_PAGE - 1)) + 1))
		PROBE(p, fail);
	return true;
fail:
	return false;
}

/* Loads the byte at p; goes to `fail` if that cannot be done. */
#define PROBE_LOAD(p, fail)                                \
	__asm__ goto("1:\ttestb $0, %0\n\t"                \
		     ".pushsection twz_fixup, \"a\"\n\t"   \
		     ".balign 4\n\t"                       \
		     ".long 1b - .\n\t"                    \
		     ".long %l[" #fail "] - .\n\t"         \
		     ".popsection"                         \
		     :                                     \
		     : "m"(*(const volatile uint8_t *)(p)) \
		     : "cc"                                \
		     : fail)

/*
 * Could all of it be loaded a moment ago? For what somebody else may have deleted, or holds without rights:
 * no fault reaches the program.
 */
static inline bool probe_load(const void *from, uint64_t bytes)
{
	const uint8_t *p = (const uint8_t *)from, *end = p + bytes;

	for (; p < end; p = (const uint8_t *)(((uintptr_t)p | (TWZ_PAGE - 1)) + 1))
		PROBE_LOAD(p, fail);
	return true;
fail:
	return false;
}

/*
 * Copies, each byte by one load and one store, of what others may be changing; false, some of it copied, if
 * part of it cannot be loaded or stored: no fault reaches the program.
 */
static inline bool probe_copy(void *to, const void *from, uint64_t bytes)
{
	uint64_t words = bytes / 8;

	__asm__ volatile goto("1:\trep movsq\n\t"
			      "mov %3, %%rcx\n"
			      "2:\trep movsb\n\t"
			      ".pushsection twz_fixup, \"a\"\n\t"
			      ".balign 4\n\t"
			      ".long 1b - .\n\t"
			      ".long %l[fail] - .\n\t"
			      ".long 2b - .\n\t"
			      ".long %l[fail] - .\n\t"
			      ".popsection"
			      : "+D"(to), "+S"(from), "+c"(words)
			      : "r"(bytes % 8)
			      : "memory"
			      : fail);
	return true;
fail:
	return false;
}

#endif
