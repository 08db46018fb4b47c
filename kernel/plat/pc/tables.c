/*
 * tables.c - what ACPI's tables say, after the specification, chapter 5.2.
 */
#include "kernel/log.h"
#include "kernel/plat/pc/tables.h"
#include "core/mem.h"

bool table_sum(const uint8_t *data, uint64_t bytes)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + data[i]);
	return !sum;
}

/* ---- MADT ------------------------------------------------------------------------------------------ */

#define MADT_LOCAL_APIC 36u /* u32 */
#define MADT_ENTRIES 44u

enum madt_type {
	MADT_PROCESSOR = 0,
	MADT_IO_APIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LOCAL_APIC_ADDRESS = 5,
	MADT_PROCESSOR_X2 = 9,
};
#define MADT_ENABLED 1u

#define NPROCESSORS_MAX (sizeof(((struct machine *)0)->apic_id) / sizeof(uint32_t))
#define NLINES (sizeof(((struct machine *)0)->isa_line) / sizeof(uint32_t))
#define APIC_ID_MAX 254u /* that an interrupt can be sent to without x2APIC */

static void add_processor(struct machine *m, uint32_t apic, uint32_t flags)
{
	if (!(flags & MADT_ENABLED))
		return;
	for (unsigned i = 0; i < m->nprocessors; i++)
		if (m->apic_id[i] == apic)
			return;
	if (apic > APIC_ID_MAX || m->nprocessors == NPROCESSORS_MAX) {
		klog("acpi: the processor with APIC number %u is not used", apic);
		return;
	}
	m->apic_id[m->nprocessors++] = apic;
}

static void madt_entry(struct machine *m, const uint8_t *p, unsigned bytes)
{
	switch (p[0]) {
	case MADT_PROCESSOR:
		if (bytes >= 8)
			add_processor(m, p[3], word32(p + 4));
		break;
	case MADT_PROCESSOR_X2:
		if (bytes >= 16)
			add_processor(m, word32(p + 4), word32(p + 8));
		break;
	case MADT_IO_APIC: /* the one with the legacy lines */
		if (bytes >= 12 && (!m->io_apic || word32(p + 8) < m->io_apic_base)) {
			m->io_apic = word32(p + 4);
			m->io_apic_base = word32(p + 8);
		}
		break;
	case MADT_OVERRIDE: /* bus 0 is ISA */
		if (bytes >= 10 && p[2] == 0 && p[3] < NLINES) {
			m->isa_line[p[3]] = word32(p + 4);
			m->isa_flags[p[3]] = word16(p + 8);
		}
		break;
	case MADT_LOCAL_APIC_ADDRESS:
		if (bytes >= 12)
			m->local_apic = word64(p + 4);
		break;
	}
}

bool table_madt(struct machine *m, struct table madt, uint32_t first_apic)
{
	uint64_t at = MADT_ENTRIES;

	if (madt.bytes < MADT_ENTRIES)
		return false;
	for (unsigned i = 0; i < NLINES; i++)
		m->isa_line[i] = i;
	m->local_apic = word32(madt.data + MADT_LOCAL_APIC);
	m->apic_id[0] = first_apic;
	m->nprocessors = 1;

	while (madt.bytes - at >= 2) {
		unsigned bytes = madt.data[at + 1];

		if (bytes < 2 || bytes > madt.bytes - at) {
			klog("acpi: MADT: an entry of %u bytes; the rest is left out", bytes);
			break;
		}
		madt_entry(m, madt.data + at, bytes);
		at += bytes;
	}
	return m->io_apic != 0;
}

/* ---- FADT ------------------------------------------------------------------------------------------ */

enum fadt {
	FADT_DSDT = 40,
	FADT_PM1A_CONTROL = 64,
	FADT_PM1B_CONTROL = 68,
	FADT_PM_TIMER = 76,
	FADT_PM_TIMER_BYTES = 91,
	FADT_CENTURY = 108,
	FADT_FLAGS = 112,
	FADT_RESET = 116, /* generic address */
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_CONTROL = 172,
	FADT_X_PM1B_CONTROL = 184,
	FADT_X_PM_TIMER = 208,
};
#define FADT_BYTES 116u /* of ACPI 1.0; later ones are longer */
#define FLAG_TIMER_32BIT (1u << 8)
#define FLAG_RESET (1u << 10)

/* A generic address: space, bits, offset in bits, size of access, then the address. */
#define GENERIC_ADDRESS 4u
#define GENERIC_BYTES 12u
#define SPACE_PORT 1u
#define SPACE_NONE 0xffu

static bool has(struct table t, uint64_t at, uint64_t bytes)
{
	return at <= t.bytes && bytes <= t.bytes - at;
}

/* The port of a register that has an old field and, in later tables, a generic address. */
static uint16_t fadt_port(struct table fadt, unsigned old, unsigned generic)
{
	uint64_t port = word32(fadt.data + old);

	if (has(fadt, generic, GENERIC_BYTES) && fadt.data[generic] == SPACE_PORT &&
	    word64(fadt.data + generic + GENERIC_ADDRESS))
		port = word64(fadt.data + generic + GENERIC_ADDRESS);
	return port <= 0xffff ? (uint16_t)port : 0;
}

bool table_fadt(struct machine *m, struct table fadt)
{
	uint32_t flags;

	m->reset_space = SPACE_NONE;
	if (fadt.bytes < FADT_BYTES)
		return false;
	flags = word32(fadt.data + FADT_FLAGS);
	if (fadt.data[FADT_PM_TIMER_BYTES] == 4)
		m->pm_timer_port = fadt_port(fadt, FADT_PM_TIMER, FADT_X_PM_TIMER);
	m->pm_timer_32bit = flags & FLAG_TIMER_32BIT;
	m->pm1a_port = fadt_port(fadt, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL);
	m->pm1b_port = fadt_port(fadt, FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL);
	m->century_register = fadt.data[FADT_CENTURY];
	if (flags & FLAG_RESET && has(fadt, FADT_RESET, FADT_RESET_VALUE + 1 - FADT_RESET)) {
		m->reset_space = fadt.data[FADT_RESET];
		m->reset_address = word64(fadt.data + FADT_RESET + GENERIC_ADDRESS);
		m->reset_value = fadt.data[FADT_RESET_VALUE];
	}
	return true;
}

uint64_t table_fadt_dsdt(struct table fadt)
{
	if (has(fadt, FADT_X_DSDT, 8) && word64(fadt.data + FADT_X_DSDT))
		return word64(fadt.data + FADT_X_DSDT);
	return fadt.bytes < FADT_BYTES ? 0 : word32(fadt.data + FADT_DSDT);
}

/* ---- DSDT ------------------------------------------------------------------------------------------ */

/*
 * The sleep types stand in a package of constants by the name _S5_. Its bytes are found without an
 * interpreter for the rest: Name, perhaps with the root before it, "_S5_", Package, its length in 1
 * to 4 bytes, the count, then the integers.
 */
enum aml {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
};
#define SLEEP_TYPE_MAX 7u

/* An integer at *at, which moves behind it; only the low byte counts. False if it is none. */
static bool aml_integer(struct table t, uint64_t *at, uint16_t *value)
{
	unsigned bytes;

	if (!has(t, *at, 1))
		return false;
	switch (t.data[*at]) {
	case AML_ZERO:
	case AML_ONE:
		*value = t.data[(*at)++];
		return true;
	case AML_BYTE:
		bytes = 1;
		break;
	case AML_WORD:
		bytes = 2;
		break;
	case AML_DWORD:
		bytes = 4;
		break;
	default:
		return false;
	}
	if (!has(t, *at + 1, bytes))
		return false;
	*value = t.data[*at + 1];
	*at += 1 + bytes;
	return true;
}

/* Is there a package of sleep types at `at`, where "_S5_" was found? */
static bool sleep_package(struct table t, uint64_t at, uint16_t *a, uint16_t *b)
{
	bool named = t.data[at - 1] == AML_NAME ||
		     (t.data[at - 1] == '\\' && t.data[at - 2] == AML_NAME);
	unsigned count;

	at += 4;
	if (!named || !has(t, at, 2) || t.data[at] != AML_PACKAGE)
		return false;
	at += 2 + (t.data[at + 1] >> 6); /* that many more bytes of length */
	if (!has(t, at, 1))
		return false;
	count = t.data[at++];
	*b = 0;
	return count && aml_integer(t, &at, a) && (count < 2 || aml_integer(t, &at, b)) &&
	       *a <= SLEEP_TYPE_MAX && *b <= SLEEP_TYPE_MAX;
}

bool table_dsdt(struct machine *m, struct table dsdt)
{
	uint16_t a, b;

	for (uint64_t at = TABLE_HEADER + 2; has(dsdt, at, 4); at++)
		if (!memcmp(dsdt.data + at, "_S5_", 4) && sleep_package(dsdt, at, &a, &b)) {
			m->sleep_off_a = a;
			m->sleep_off_b = b;
			return true;
		}
	return false;
}

/* ---- NFIT ------------------------------------------------------------------------------------------ */

#define NFIT_ENTRIES 40u
#define NFIT_SPA 0u
#define SPA_BYTES 56u

enum spa {
	SPA_GUID = 16,
	SPA_START = 32,
	SPA_LENGTH = 40,
};

/* 66f0d379-b4f3-4074-ac43-0d3318b78cdb: byte-addressable persistent memory */
static const uint8_t persistent_memory[16] = {0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40,
					      0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb};

static void nfit_range(struct machine *m, uint64_t start, uint64_t bytes)
{
	if (start % TWZ_PAGE || bytes < TWZ_PAGE || start >= DIRECT_BYTES ||
	    bytes > DIRECT_BYTES - start) {
		klog("acpi: persistent memory at %lx, %lx bytes: out of reach or not of whole "
		     "pages",
		     start, bytes);
		return;
	}
	if (m->nvm.bytes) {
		klog("acpi: persistent memory at %lx, %lu MiB, is not used: only the first is",
		     start, bytes >> 20);
		return;
	}
	m->nvm = (struct range){start, bytes & ~(TWZ_PAGE - 1)};
}

void table_nfit(struct machine *m, struct table nfit)
{
	uint64_t at = NFIT_ENTRIES;

	while (at < nfit.bytes && nfit.bytes - at >= 4) {
		const uint8_t *p = nfit.data + at;
		unsigned bytes = word16(p + 2);

		if (bytes < 4 || bytes > nfit.bytes - at) {
			klog("acpi: NFIT: an entry of %u bytes; the rest is left out", bytes);
			break;
		}
		if (word16(p) == NFIT_SPA && bytes >= SPA_BYTES &&
		    !memcmp(p + SPA_GUID, persistent_memory, sizeof(persistent_memory)))
			nfit_range(m, word64(p + SPA_START), word64(p + SPA_LENGTH));
		at += bytes;
	}
}
