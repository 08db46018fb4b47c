/*
 * pvh.c - what the boot loader says, by the start info of PVH (Xen's public header start_info.h).
 * QEMU brings it, and so does the UEFI stub.
 *
 * All that it leads to lies in memory that the map calls usable, and so does the kernel: their pages
 * are taken out of the map. The start info, the lists and the command line are not needed afterwards,
 * but the command line's copy is all that could be had back: they are left where they are.
 */
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/plat/pc/pc.h"
#include "kernel/symbol.h"
#include "core/mem.h"

/* The loader need not align what it brings. */
#define AS_BROUGHT __attribute__((packed))

#define START_MAGIC 0x336ec578u
struct AS_BROUGHT start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t modules_count;
	uint64_t modules;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t map; /* from version 1 on, this and the next */
	uint32_t map_count;
	uint32_t reserved;
};
TWZ_SIZE(struct start_info, 56);

struct AS_BROUGHT start_module {
	uint64_t start, bytes;
	uint64_t command_line;
	uint64_t reserved;
};
TWZ_SIZE(struct start_module, 32);

#define MAP_RAM 1u /* all others are something else */
struct AS_BROUGHT map_entry {
	uint64_t start, bytes;
	uint32_t type;
	uint32_t reserved;
};
TWZ_SIZE(struct map_entry, 24);

#define MAP_COUNT_MAX 4096u
#define LOADER_LINE_MAX 65536u /* where the search for the end of a command line ends */
#define LOW_BYTES ((uint64_t)1 << 20)
#define IMAGE_BASE 0xffffffff80000000ull /* where physical address 0 is linked */

struct machine machine;
uint64_t pvh_rsdp;

/* What the start info leads to; panics if it is not in memory that the kernel can see. */
static const void *loader_data(uint64_t start, uint64_t bytes, const char *what)
{
	if (!start || start >= DIRECT_BYTES || bytes > DIRECT_BYTES - start)
		panic("pvh: %s lies at %lx, %lu bytes", what, start, bytes);
	return direct(start);
}

/* ---- the list of usable memory: whole pages, sorted, with gaps in between ------------------------- */

static void ram_remove_at(unsigned at)
{
	for (unsigned i = at + 1; i < machine.nram; i++)
		machine.ram[i - 1] = machine.ram[i];
	machine.nram--;
}

/* Where the list is full, what is highest is given up. */
static void ram_insert_at(unsigned at, struct range range)
{
	if (machine.nram == MACHINE_RANGES) {
		const struct range *last =
			at == MACHINE_RANGES ? &range : &machine.ram[MACHINE_RANGES - 1];

		klog("pvh: more than %u ranges of memory: %lu KiB at %lx are left out",
		     MACHINE_RANGES, last->bytes >> 10, last->start);
		if (at == MACHINE_RANGES)
			return;
		machine.nram--;
	}
	for (unsigned i = machine.nram; i > at; i--)
		machine.ram[i] = machine.ram[i - 1];
	machine.ram[at] = range;
	machine.nram++;
}

/* Adds what is whole pages of it, joined with what it touches. */
static void ram_add(uint64_t start, uint64_t end)
{
	unsigned at = 0;

	start = (start + TWZ_PAGE - 1) & ~(TWZ_PAGE - 1);
	end &= ~(TWZ_PAGE - 1);
	if (start >= end)
		return;
	while (at < machine.nram && machine.ram[at].start + machine.ram[at].bytes < start)
		at++;
	while (at < machine.nram && machine.ram[at].start <= end) {
		const struct range *range = &machine.ram[at];

		if (range->start < start)
			start = range->start;
		if (range->start + range->bytes > end)
			end = range->start + range->bytes;
		ram_remove_at(at);
	}
	ram_insert_at(at, (struct range){start, end - start});
}

/* Takes out every page that has a byte of it. */
static void ram_reserve(uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	start &= ~(TWZ_PAGE - 1);
	end = (end + TWZ_PAGE - 1) & ~(TWZ_PAGE - 1);
	for (unsigned i = 0; i < machine.nram;) {
		uint64_t from = machine.ram[i].start, to = from + machine.ram[i].bytes;

		if (to <= start || from >= end) {
			i++;
			continue;
		}
		ram_remove_at(i);
		if (from < start)
			ram_insert_at(i++, (struct range){from, start - from});
		if (to > end)
			ram_insert_at(i++, (struct range){end, to - end});
	}
}

/* An entry's end, cut to what the kernel can see; its start if nothing of it is there. */
static uint64_t visible_end(const struct map_entry *entry)
{
	if (entry->start >= DIRECT_BYTES)
		return entry->start;
	return entry->bytes < DIRECT_BYTES - entry->start ? entry->start + entry->bytes
							  : DIRECT_BYTES;
}

/* Where entries overlap, the one that does not call it usable is right. */
static void read_map(const struct map_entry *map, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (map[i].type != MAP_RAM)
			continue;
		if (map[i].bytes > visible_end(&map[i]) - map[i].start)
			klog("pvh: memory at %lx ends at %lx for this kernel", map[i].start,
			     DIRECT_BYTES);
		ram_add(map[i].start, visible_end(&map[i]));
	}
	for (uint64_t i = 0; i < count; i++)
		if (map[i].type != MAP_RAM)
			ram_reserve(map[i].start, visible_end(&map[i]));
}

/* ---- command line and module ----------------------------------------------------------------------- */

static void read_command_line(uint64_t start)
{
	const char *line;
	uint64_t bytes = 0, kept;

	if (!start)
		return;
	line = loader_data(start, LOADER_LINE_MAX, "the command line");
	while (bytes < LOADER_LINE_MAX && line[bytes])
		bytes++;
	kept = bytes < TWZ_COMMAND_LINE_MAX ? bytes : TWZ_COMMAND_LINE_MAX;
	if (kept < bytes)
		klog("pvh: the command line has %lu bytes, of which %lu are used", bytes, kept);
	memcpy(machine.command_line, line, kept);
	ram_reserve(start, start + bytes + 1);
}

static void read_module(uint64_t start, uint32_t count)
{
	const struct start_module *module;

	if (!count)
		return;
	if (count > 1)
		panic("pvh: %u modules: the boot archive is the only one", count);
	module = loader_data(start, sizeof(*module), "the list of modules");
	ram_reserve(start, start + sizeof(*module));
	loader_data(module->start, module->bytes, "the boot archive");
	if (module->start % TWZ_PAGE)
		panic("pvh: the boot archive at %lx does not begin with a page", module->start);
	machine.module = (struct range){module->start, module->bytes};
	ram_reserve(module->start, module->start + module->bytes);
}

/* Below 1 MiB only this page is used: the first that nothing lies in. */
static void choose_start_page(void)
{
	if (!machine.nram || machine.ram[0].start >= LOW_BYTES)
		panic("pvh: no memory below 1 MiB for other processors to start in");
	machine.start_page = machine.ram[0].start;
}

void pvh_init(uint64_t start_info)
{
	const struct start_info *info;
	const struct map_entry *map;
	uint64_t map_bytes, total = 0;

	info = loader_data(start_info, sizeof(*info), "the start info");
	if (info->magic != START_MAGIC)
		panic("pvh: no start info at %lx: its magic is %x", start_info, info->magic);
	if (info->version < 1 || !info->map_count)
		panic("pvh: the boot loader brings no memory map (start info version %u)",
		      info->version);
	if (info->map_count > MAP_COUNT_MAX)
		panic("pvh: a memory map of %u entries", info->map_count);
	map_bytes = info->map_count * sizeof(*map);
	map = loader_data(info->map, map_bytes, "the memory map");

	read_map(map, info->map_count);
	ram_reserve(0, TWZ_PAGE); /* the firmware's vectors and data */
	ram_reserve((uint64_t)kernel_start - IMAGE_BASE, (uint64_t)kernel_end - IMAGE_BASE);
	ram_reserve(start_info, start_info + sizeof(*info));
	ram_reserve(info->map, info->map + map_bytes);
	read_command_line(info->command_line);
	read_module(info->modules, info->modules_count);
	pvh_rsdp = info->rsdp;
	choose_start_page();
	ram_reserve(0, LOW_BYTES);

	for (unsigned i = 0; i < machine.nram; i++) {
		klog("pvh: memory %lx to %lx", machine.ram[i].start,
		     machine.ram[i].start + machine.ram[i].bytes);
		total += machine.ram[i].bytes;
	}
	if (!total)
		panic("pvh: no usable memory");
	klog("pvh: %lu MiB of memory, boot archive of %lu KiB", total >> 20,
	     machine.module.bytes >> 10);
}
