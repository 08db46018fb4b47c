/*
 * tables.h - what ACPI's tables say, into struct machine.
 *
 * Here a table is bytes, with its length and checksum checked by the caller; nothing is read outside
 * of these, whatever they say. No hardware and no physical address is touched, so that this runs on
 * the host too. What makes no sense is logged and left out.
 */
#ifndef KERNEL_PLAT_PC_TABLES_H
#define KERNEL_PLAT_PC_TABLES_H

#include "kernel/machine.h"

#define TABLE_HEADER 36u /* bytes, of every table but the RSDP */

struct table {
	const uint8_t *data;
	uint64_t bytes;
};

/* Little-endian words at any alignment. */
static inline uint16_t word16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t word32(const uint8_t *p)
{
	return word16(p) | (uint32_t)word16(p + 2) << 16;
}

static inline uint64_t word64(const uint8_t *p)
{
	return word32(p) | (uint64_t)word32(p + 4) << 32;
}

/* Do all bytes add up to 0? */
bool table_sum(const uint8_t *data, uint64_t bytes);

/*
 * Processors and interrupt controllers; `first_apic` is the processor that runs. False if there is no
 * IO APIC.
 */
bool table_madt(struct machine *m, struct table madt, uint32_t first_apic);

/* Timer, power, reset, century register. False if it is too short to be one. */
bool table_fadt(struct machine *m, struct table fadt);

/* Physical address of the DSDT, 0 if there is none. */
uint64_t table_fadt_dsdt(struct table fadt);

/* The sleep types that turn the machine off (_S5_). False if they are not found. */
bool table_dsdt(struct machine *m, struct table dsdt);

/* The first NVDIMM. */
void table_nfit(struct machine *m, struct table nfit);

#endif
