/*
 * acpi.c - the walk from the root pointer over ACPI's tables.
 *
 * Firmware is believed, but not blindly: a table is used only if all of it is in sight, is not absurdly
 * long, and adds up. What is wrong with one that the kernel needs is a panic, for there is nobody else
 * to say it to; without the others the machine only lacks something, and that is logged.
 */
#include "kernel/log.h"
#include "kernel/plat/pc/pc.h"
#include "kernel/plat/pc/tables.h"
#include "core/mem.h"

#include <cpuid.h>

#define TABLE_BYTES_MAX ((uint64_t)16 << 20)

enum rsdp {
	RSDP_REVISION = 15,
	RSDP_RSDT = 16,
	RSDP_BYTES_1 = 20, /* of revision 0, which has a sum of its own */
	RSDP_BYTES = 20,   /* u32, from revision 2 on */
	RSDP_XSDT = 24,
	RSDP_BYTES_2 = 36,
};

static bool visible(uint64_t start, uint64_t bytes)
{
	return start && start < DIRECT_BYTES && bytes <= DIRECT_BYTES - start;
}

/* The table there, if it holds together; else nothing, and a line in the log. */
static bool table_at(uint64_t start, struct table *table)
{
	const uint8_t *p;

	if (!visible(start, TABLE_HEADER)) {
		klog("acpi: a table at %lx, which is out of sight", start);
		return false;
	}
	p = direct(start);
	table->data = p;
	table->bytes = word32(p + 4);
	if (table->bytes < TABLE_HEADER || table->bytes > TABLE_BYTES_MAX ||
	    !visible(start, table->bytes)) {
		klog("acpi: table %c%c%c%c at %lx: a length of %lu", p[0], p[1], p[2], p[3], start,
		     table->bytes);
		return false;
	}
	if (!table_sum(p, table->bytes)) {
		klog("acpi: table %c%c%c%c at %lx: wrong checksum", p[0], p[1], p[2], p[3], start);
		return false;
	}
	return true;
}

/* The list of tables: addresses of 8 bytes in the XSDT, of 4 in the RSDT. */
struct root {
	struct table table;
	unsigned width;
};

static struct root find_root(void)
{
	struct root root;
	const uint8_t *p;
	uint64_t start;

	if (!pvh_rsdp)
		panic("acpi: the boot loader found no ACPI tables; without them there are no "
		      "processors and no interrupts");
	if (!visible(pvh_rsdp, RSDP_BYTES_2))
		panic("acpi: the root pointer lies at %lx, out of sight", pvh_rsdp);
	p = direct(pvh_rsdp);
	if (memcmp(p, "RSD PTR ", 8) || !table_sum(p, RSDP_BYTES_1))
		panic("acpi: no root pointer at %lx", pvh_rsdp);

	if (p[RSDP_REVISION] >= 2 && word32(p + RSDP_BYTES) >= RSDP_BYTES_2 &&
	    word64(p + RSDP_XSDT)) {
		if (word32(p + RSDP_BYTES) > TWZ_PAGE || !table_sum(p, word32(p + RSDP_BYTES)))
			panic("acpi: the root pointer at %lx does not add up", pvh_rsdp);
		start = word64(p + RSDP_XSDT);
		root.width = 8;
	} else {
		start = word32(p + RSDP_RSDT);
		root.width = 4;
	}
	if (!table_at(start, &root.table) ||
	    memcmp(root.table.data, root.width == 8 ? "XSDT" : "RSDT", 4))
		panic("acpi: no list of tables at %lx", start);
	return root;
}

/* The first table of that name that holds together. */
static bool find_table(const struct root *root, const char *name, struct table *table)
{
	uint64_t at = TABLE_HEADER;

	for (; root->table.bytes - at >= root->width; at += root->width) {
		const uint8_t *p = root->table.data + at;
		uint64_t start = root->width == 8 ? word64(p) : word32(p);

		if (visible(start, TABLE_HEADER) && !memcmp(direct(start), name, 4) &&
		    table_at(start, table))
			return true;
	}
	return false;
}

static uint32_t running_apic(void)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	return b >> 24;
}

static void power_tables(const struct root *root)
{
	struct table fadt, dsdt;

	machine.reset_space = 0xff;
	if (!find_table(root, "FACP", &fadt) || !table_fadt(&machine, fadt)) {
		klog("acpi: no FADT: this machine cannot be switched off");
		return;
	}
	if (machine.pm1a_port &&
	    !(table_at(table_fadt_dsdt(fadt), &dsdt) && table_dsdt(&machine, dsdt))) {
		klog("acpi: no _S5_: this machine cannot be switched off");
		machine.pm1a_port = 0;
	}
}

/* The firmware must not call the same memory both usable and persistent. */
static void check_nvm(void)
{
	for (unsigned i = 0; i < machine.nram; i++)
		if (machine.ram[i].start < machine.nvm.start + machine.nvm.bytes &&
		    machine.nvm.start < machine.ram[i].start + machine.ram[i].bytes)
			panic("acpi: persistent memory at %lx lies in usable memory at %lx",
			      machine.nvm.start, machine.ram[i].start);
}

void acpi_init(void)
{
	struct root root = find_root();
	struct table table;

	if (!find_table(&root, "APIC", &table) || !table_madt(&machine, table, running_apic()))
		panic("acpi: no MADT, or no IO APIC in it");
	power_tables(&root);
	if (find_table(&root, "NFIT", &table))
		table_nfit(&machine, table);
	if (machine.nvm.bytes)
		check_nvm();

	klog("acpi: %u processors, local APIC %lx, IO APIC %lx from %u", machine.nprocessors,
	     machine.local_apic, machine.io_apic, machine.io_apic_base);
	klog("acpi: timer port %x (%s bits), power ports %x %x (%u, %u), reset %u %lx %x",
	     machine.pm_timer_port, machine.pm_timer_32bit ? "32" : "24", machine.pm1a_port,
	     machine.pm1b_port, machine.sleep_off_a, machine.sleep_off_b, machine.reset_space,
	     machine.reset_address, machine.reset_value);
	if (machine.nvm.bytes)
		klog("acpi: persistent memory at %lx, %lu MiB", machine.nvm.start,
		     machine.nvm.bytes >> 20);
	else
		klog("acpi: no persistent memory");
}
