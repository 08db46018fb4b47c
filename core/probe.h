/*
 * probe.h - finds out whether a page can be written, by writing it (tx.h: tx_fixup).
 */
#ifndef TWZ_CORE_PROBE_H
#define TWZ_CORE_PROBE_H

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

#endif
