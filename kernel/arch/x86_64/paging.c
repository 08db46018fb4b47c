/*
 * paging.c - the kernel's half of the address space: all memory at DIRECT, the image at KERNEL_BASE.
 *
 * Everything here is global and never changes again, so that each root of a view has a copy of the
 * upper 256 entries of kernel_root and needs no update.
 */
#include "kernel/arch/x86_64/processor.h"
#include "kernel/machine.h"
#include "kernel/symbol.h"

#define PRESENT 0x1ull
#define WRITE 0x2ull
#define LARGE 0x80ull
#define GLOBAL 0x100ull
#define NO_EXECUTE (1ull << 63)

#define ENTRIES 512u
#define LEAVES 8u /* page tables of the image: 16 MiB, which kernel.ld asserts */
#define GIB_SHIFT 30

typedef uint64_t table[ENTRIES] __attribute__((aligned(4096)));

static table root, direct_table, upper, middle, leaves[LEAVES];

uint64_t kernel_root;

/* Entry of an address in the table of the level, 1: that of the pages. */
static unsigned entry(uint64_t address, unsigned level)
{
	return address >> (12 + 9 * (level - 1)) & (ENTRIES - 1);
}

static void map(const uint8_t *start, const uint8_t *end, uint64_t flags)
{
	for (; start < end; start += TWZ_PAGE) {
		uint64_t page = kernel_physical(start);

		leaves[page >> 21][entry(page, 1)] = page | PRESENT | GLOBAL | flags;
	}
}

static void unmap(const void *at)
{
	uint64_t page = kernel_physical(at);

	leaves[page >> 21][entry(page, 1)] = 0;
}

void paging_init(void)
{
	for (uint64_t i = 0; i < ENTRIES; i++)
		direct_table[i] = i << GIB_SHIFT | PRESENT | WRITE | LARGE | GLOBAL | NO_EXECUTE;
	for (unsigned i = 0; i < LEAVES; i++)
		middle[i] = kernel_physical(leaves[i]) | PRESENT | WRITE;
	map(kernel_start, kernel_text_end, 0);
	map(kernel_text_end, kernel_rodata_end, NO_EXECUTE);
	map(kernel_rodata_end, kernel_end, WRITE | NO_EXECUTE);
	for (unsigned i = 0; i < CPU_MAX; i++) {
		unmap(stacks[i].guard);
		unmap(stacks[i].last_guard);
	}
	upper[entry(KERNEL_BASE, 3)] = kernel_physical(middle) | PRESENT | WRITE;
	root[entry(DIRECT, 4)] = kernel_physical(direct_table) | PRESENT | WRITE;
	root[entry(KERNEL_BASE, 4)] = kernel_physical(upper) | PRESENT | WRITE;
	kernel_root = kernel_physical(root);
	cpu_load_root(kernel_root);
}
