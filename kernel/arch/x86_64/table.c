/* table.c - page tables (table.h). */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/table.h"
#include "kernel/account.h"
#include "kernel/log.h"

#define UPPER_SHIFT 27 /* of an upper table: 512 GiB */
/* In entries that lead to tables of an object all rights are on: leaves and roots say what is not. */
#define INNER (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

uint64_t tables_used;
extern uint64_t kernel_root; /* physical */

static uint64_t *table_at(uint64_t entry)
{
	return direct(entry & PTE_FRAME);
}

static uint64_t take_charged(struct account *account)
{
	uint64_t frame = account_take_zero(account);

	if (frame)
		tables_used++;
	return frame;
}

static void give_charged(struct account *account, uint64_t frame)
{
	account_give(account, frame);
	tables_used--;
}

/* ---- an object's --------------------------------------------------------------------------------- */

static uint64_t take(struct tables *tables)
{
	uint64_t frame;

	tables->growing = true;
	frame = take_charged(tables->account);
	tables->growing = false;
	tables->count += frame != 0;
	return frame;
}

static void give(struct tables *tables, uint64_t frame)
{
	give_charged(tables->account, frame);
	tables->count--;
}

/* The table that an entry leads to, made if it may be; null if it is not there. */
static uint64_t *step(struct tables *tables, uint64_t *entry, bool make)
{
	uint64_t frame;

	if (*entry)
		return table_at(*entry);
	frame = make ? take(tables) : 0;
	if (!frame)
		return NULL;
	*entry = frame | INNER;
	return direct(frame);
}

static uint64_t *directory_first(struct tables *tables, bool make)
{
	if (!tables->directory && make) {
		tables->directory = take(tables);
		if (tables->upper[0] && tables->directory)
			*(uint64_t *)direct(tables->upper[0]) = tables->directory | INNER;
	}
	return tables->directory ? direct(tables->directory) : NULL;
}

bool table_upper(struct tables *tables, unsigned half)
{
	if (tables->upper[half])
		return true;
	tables->upper[half] = take(tables);
	if (!tables->upper[half])
		return false;
	if (!half && tables->directory)
		*(uint64_t *)direct(tables->upper[0]) = tables->directory | INNER;
	return true;
}

/* The directory of the page's GiB. */
static uint64_t *directory_of(struct tables *tables, uint64_t page, bool make)
{
	unsigned half = page >> UPPER_SHIFT;
	uint64_t *upper;

	if (!(page >> TABLE_DIRECTORY_SHIFT))
		return directory_first(tables, make);
	if (!tables->upper[half] && !(make && table_upper(tables, half)))
		return NULL;
	upper = direct(tables->upper[half]);
	return step(tables, &upper[page >> TABLE_DIRECTORY_SHIFT & (TABLE_ENTRIES - 1)], make);
}

uint64_t *table_walk(struct tables *tables, uint64_t page, bool make)
{
	uint64_t *directory = directory_of(tables, page, make), *leaf;

	if (!directory)
		return NULL;
	leaf = step(tables, &directory[page >> TABLE_LEAF_SHIFT & (TABLE_ENTRIES - 1)], make);
	return leaf ? &leaf[page & (TABLE_ENTRIES - 1)] : NULL;
}

uint64_t table_next(const struct tables *tables, uint64_t page, uint64_t end)
{
	struct tables *t = (struct tables *)tables; /* not changed without `make` */

	while (page < end) {
		unsigned shift = TABLE_LEAF_SHIFT;
		uint64_t *directory;

		if (page >> TABLE_DIRECTORY_SHIFT && !tables->upper[page >> UPPER_SHIFT]) {
			shift = UPPER_SHIFT;
		} else {
			directory = directory_of(t, page, false);
			if (!directory)
				shift = TABLE_DIRECTORY_SHIFT;
			else if (directory[page >> TABLE_LEAF_SHIFT & (TABLE_ENTRIES - 1)])
				return page;
		}
		page = ((page >> shift) + 1) << shift;
	}
	return end;
}

uint64_t table_find(const struct tables *tables, uint64_t physical, uint64_t end)
{
	const uint64_t want = (physical & PTE_FRAME) | PTE_PRESENT;
	uint64_t page = 0;

	while ((page = table_next(tables, page, end)) < end) {
		const uint64_t *leaf = table_walk((struct tables *)tables, page, false);

		for (unsigned i = 0; i < TABLE_ENTRIES; i++)
			if ((leaf[i] & (PTE_FRAME | PTE_PRESENT)) == want)
				return page + i;
		page += TABLE_ENTRIES;
	}
	return end;
}

static void free_directory(struct tables *tables, uint64_t frame)
{
	uint64_t *directory = direct(frame);

	for (unsigned i = 0; i < TABLE_ENTRIES; i++)
		if (directory[i])
			give(tables, directory[i] & PTE_FRAME);
	give(tables, frame);
}

void table_free(struct tables *tables)
{
	for (unsigned half = 0; half < 2; half++) {
		uint64_t *upper = direct(tables->upper[half]);

		if (!tables->upper[half])
			continue;
		for (unsigned i = !half; i < TABLE_ENTRIES; i++) /* [0][0] is the first directory */
			if (upper[i])
				free_directory(tables, upper[i] & PTE_FRAME);
		give(tables, tables->upper[half]);
	}
	if (tables->directory)
		free_directory(tables, tables->directory);
	KASSERT(!tables->count);
	*tables = (struct tables){.account = tables->account};
}

#define TRIM_MAX 64u /* tables, at a time */

/* Out of the tables, into a chain by their first words, which are no entries that are present. */
static void chain(uint64_t *first, uint64_t *entry)
{
	uint64_t frame = *entry & PTE_FRAME;

	*entry = 0;
	*(uint64_t *)direct(frame) = *first;
	*first = frame;
}

/* At most TRIM_MAX. */
static uint64_t trim_directory(uint64_t frame)
{
	uint64_t *directory = direct(frame), first = 0;

	for (unsigned i = 0, n = 0; i < TABLE_ENTRIES && n < TRIM_MAX; i++)
		if (directory[i]) {
			chain(&first, &directory[i]);
			n++;
		}
	return first;
}

static uint64_t trim_upper(struct tables *tables, unsigned half)
{
	uint64_t *upper = direct(tables->upper[half]), first;

	for (unsigned i = !half; i < TABLE_ENTRIES; i++) {
		if (!upper[i])
			continue;
		first = trim_directory(upper[i] & PTE_FRAME);
		if (!first && !tables->growing) /* it is empty by now */
			chain(&first, &upper[i]);
		if (first)
			return first;
	}
	return 0;
}

uint64_t table_trim(struct tables *tables)
{
	const unsigned roots = !!tables->directory + !!tables->upper[0] + !!tables->upper[1];
	uint64_t first = 0;

	if (tables->count == roots)
		return 0;
	if (tables->directory)
		first = trim_directory(tables->directory);
	for (unsigned half = 0; !first && half < 2; half++)
		if (tables->upper[half])
			first = trim_upper(tables, half);
	return first;
}

void table_give_trimmed(struct tables *tables, uint64_t trimmed)
{
	while (trimmed) {
		uint64_t next = *(uint64_t *)direct(trimmed);

		give(tables, trimmed);
		trimmed = next;
	}
}

/* ---- roots --------------------------------------------------------------------------------------- */

uint64_t root_new(struct account *account)
{
	uint64_t frame = take_charged(account);
	uint64_t *root = direct(frame), *kernel = direct(kernel_root);

	if (!frame)
		return 0;
	for (unsigned i = TABLE_ENTRIES / 2; i < TABLE_ENTRIES; i++)
		root[i] = kernel[i];
	return frame;
}

unsigned root_clear(uint64_t frame, uint64_t page[static ROOT_PAGES])
{
	uint64_t *root = direct(frame);
	unsigned n = 0;

	for (unsigned i = 0; i < ROOT_PAGES; i++)
		if (root[i]) {
			page[n++] = root[i] & PTE_FRAME;
			root[i] = 0;
		}
	for (unsigned i = ROOT_PAGES; i < TABLE_ENTRIES / 2; i++)
		root[i] = 0;
	return n;
}

void root_give(unsigned pages, const uint64_t page[static ROOT_PAGES], struct account *account)
{
	while (pages)
		give_charged(account, page[--pages]);
}

void root_free(uint64_t frame, struct account *account)
{
	uint64_t page[ROOT_PAGES];

	root_give(root_clear(frame, page), page, account);
	give_charged(account, frame);
}

uint64_t *root_walk(uint64_t frame, uint32_t slot, struct account *account)
{
	uint64_t *root = direct(frame), *entry;

	if (slot >= TWZ_VIEW_SLOTS)
		return &root[ROOT_PAGES + 2 * (slot - TWZ_VIEW_SLOTS)];
	entry = &root[slot / TABLE_ENTRIES];
	if (!*entry && account) {
		frame = take_charged(account);
		if (frame)
			*entry = frame | INNER;
	}
	return *entry ? table_at(*entry) + (slot & (TABLE_ENTRIES - 1)) : NULL;
}
