/*
 * symbol.h - the kernel's own functions by name, for backtraces.
 *
 * The table is made of the kernel that was linked without it, and linked into the one that runs
 * (kernel.mk); so the first of the two has none. Sorted by address.
 */
#ifndef KERNEL_SYMBOL_H
#define KERNEL_SYMBOL_H

#include "abi/base.h"

struct symbol {
	uint64_t address;
	uint32_t name; /* offset in symbol_names */
	uint32_t reserved;
};
TWZ_SIZE(struct symbol, 16);

extern const struct symbol symbols[] __attribute__((weak));
extern const uint64_t symbol_count __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));

/* kernel.ld: the edges of the image, on pages. */
extern const uint8_t kernel_start[], kernel_end[];

#endif
