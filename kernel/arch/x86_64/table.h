/*
 * table.h - page tables: an object's own, and the roots that they hang under.
 *
 * An object's leaf tables stand once, however many views show it: a directory for its first GiB
 * (what a standard slot shows), and, once it is mapped large or has pages beyond, two upper tables of
 * 512 GiB each. A root (of a view) has one upper entry for each slot, in which the rights are: write
 * and no-execute combine downwards.
 *
 *   root (512 GiB each entry)
 *     -> slots (1 GiB each)     one page for 512 standard slots of a view
 *          -> directory (2 MiB) the object's
 *               -> leaf (4 KiB) the object's
 *     -> upper (1 GiB each)     the object's, for large places
 *
 * Lock: the kernel's. Nothing here flushes translations: who takes something away does
 * (view.h: shoot).
 */
#ifndef KERNEL_ARCH_TABLE_H
#define KERNEL_ARCH_TABLE_H

#include "abi/view.h"
#include "kernel/machine.h"

struct account;

#define PTE_PRESENT 0x1ull
#define PTE_WRITE 0x2ull
#define PTE_USER 0x4ull
#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_NX (1ull << 63)
#define PTE_FRAME 0x000ffffffffff000ull
/* The kernel's own, in leaf entries. */
#define PTE_ZEROS (1ull << 9) /* a hole that was read: the frame of zeros */
#define PTE_LIMIT_SHIFT 52    /* rights that the page cannot have: READ, WRITE, EXEC */
#define PTE_LIMIT(rights) ((uint64_t)(rights) << PTE_LIMIT_SHIFT)
#define PTE_LIMITS PTE_LIMIT(7)

/* Bits of a page fault's error code. */
#define FAULT_PRESENT 1u
#define FAULT_WRITE 2u
#define FAULT_USER 4u
#define FAULT_FETCH 16u

struct tables {
	uint64_t directory; /* physical, 0: none */
	uint64_t upper[2];
	uint32_t count;          /* frames that these tables are */
	bool growing;            /* just now: table_trim leaves directories alone */
	struct account *account; /* that they, and what they map of DRAM, are charged to */
};

#define TABLE_ENTRIES 512u
#define TABLE_LEAF_SHIFT 9       /* pages of a leaf table, as a power of two */
#define TABLE_DIRECTORY_SHIFT 18 /* of a directory: 1 GiB */

/* The same by a walk, from the top. */
uint64_t *table_walk(struct tables *tables, uint64_t page, bool make);

/*
 * The leaf entry of a page of the object; null if its table is not there and, with `make`, there is
 * no frame for one. What is asked for most, the first GiB with its tables there, is found in place.
 */
static inline uint64_t *table_entry(struct tables *tables, uint64_t page, bool make)
{
	uint64_t leaf;

	if (page >> TABLE_DIRECTORY_SHIFT || !tables->directory)
		return table_walk(tables, page, make);
	leaf = ((uint64_t *)direct(tables->directory))[page >> TABLE_LEAF_SHIFT];
	if (!leaf)
		return table_walk(tables, page, make);
	return (uint64_t *)direct(leaf & PTE_FRAME) + (page & (TABLE_ENTRIES - 1));
}

/*
 * The first page from `page` on, below `end`, whose leaf table exists; `end` if there is none. To
 * walk what there is of a sparse object.
 */
uint64_t table_next(const struct tables *tables, uint64_t page, uint64_t end);

/* The page below `end` whose entry leads to this physical address; `end` if there is none. */
uint64_t table_find(const struct tables *tables, uint64_t physical, uint64_t end);

/* What a large place shows: makes the upper table of this half (512 GiB). False: no frame. */
bool table_upper(struct tables *tables, unsigned half);

/* Gives the frames of the tables back, not those that leaf entries lead to. */
void table_free(struct tables *tables);

/*
 * Of tables that can be made anew: takes out some leaves of one directory, or one that is empty, but not
 * the first. They are given back when no processor can use them any more. 0: there are none.
 */
uint64_t table_trim(struct tables *tables);
void table_give_trimmed(struct tables *tables, uint64_t trimmed);

extern uint64_t tables_used; /* frames that are tables, roots included */

/* A root with the kernel's half; 0 if there is no frame. */
uint64_t root_new(struct account *account);
void root_free(uint64_t root, struct account *account);

#define ROOT_PAGES (TWZ_VIEW_SLOTS / TABLE_ENTRIES)
/*
 * Empties the user half. Returns how many pages it no longer has, which processors may use until they
 * are flushed: then they are given back.
 */
unsigned root_clear(uint64_t root, uint64_t page[static ROOT_PAGES]);
void root_give(unsigned pages, const uint64_t page[static ROOT_PAGES], struct account *account);

uint64_t *root_walk(uint64_t root, uint32_t slot, struct account *account);

/*
 * The entry of a slot (numbers as in struct twz_view; of large places the first of two). Null if the
 * page that it is in is not there and, with an account to charge it to, there is no frame for it.
 */
static inline uint64_t *root_entry(uint64_t root, uint32_t slot, struct account *account)
{
	uint64_t slots;

	if (slot >= TWZ_VIEW_SLOTS)
		return root_walk(root, slot, account);
	slots = ((uint64_t *)direct(root))[slot / TABLE_ENTRIES];
	if (!slots)
		return root_walk(root, slot, account);
	return (uint64_t *)direct(slots & PTE_FRAME) + slot % TABLE_ENTRIES;
}

#endif
