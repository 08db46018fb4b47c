/*
 * tables_test.c - ACPI's tables, right, short and damaged: each in memory of exactly its size, so that
 * the address sanitizer sees a read outside of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "kernel/log.h"
#include "kernel/plat/pc/tables.h"

static unsigned lines; /* logged */

void klog(const char *format, ...)
{
	(void)format;
	lines++;
}

static uint8_t *put(uint8_t *p, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> 8 * i);
	return p + bytes;
}

static struct table copy(const uint8_t *data, uint64_t bytes)
{
	uint8_t *p = malloc(bytes ? bytes : 1);

	assert_non_null(p);
	memcpy(p, data, bytes);
	return (struct table){p, bytes};
}

static void drop(struct table t)
{
	free((void *)t.data);
}

/* ---- MADT ------------------------------------------------------------------------------------------ */

static uint8_t *put_processor(uint8_t *p, unsigned apic, unsigned flags)
{
	return put(put(p, 0x0800 | (uint64_t)apic << 24, 4), flags, 4);
}

/* Processors 4 (first), 0, 1 (off), 2, 2 again as x2APIC, 300; two IO APICs; lines 0 and 9. */
static uint64_t make_madt(uint8_t *data)
{
	uint8_t *p;

	memset(data, 0, 44);
	put(data + 36, 0xfee00000, 4);
	p = put_processor(data + 44, 0, 1);
	p = put_processor(p, 1, 0);
	p = put_processor(p, 2, 1);
	p = put_processor(p, 4, 1);
	p = put(put(put(put(p, 0x1009, 4), 2, 4), 1, 4), 0, 4);
	p = put(put(put(put(p, 0x1009, 4), 300, 4), 1, 4), 0, 4);
	p = put(put(put(p, 0x0c01, 4), 0xfec10000, 4), 24, 4);
	p = put(put(put(p, 0x0c01, 4), 0xfec00000, 4), 0, 4);
	p = put(put(put(p, 0x00000a02, 4), 2, 4), 0, 2);
	p = put(put(put(p, 0x09000a02, 4), 9, 4), 13, 2);
	p = put(put(p, 0x0c05, 4), 0x123400000000ull, 8);
	return (uint64_t)(p - data);
}

static void test_madt(void **state)
{
	uint8_t data[256] = {0};
	struct table t = copy(data, make_madt(data));
	struct machine m = {0};

	(void)state;
	lines = 0;
	assert_true(table_madt(&m, t, 4));
	assert_int_equal(m.nprocessors, 3);
	assert_int_equal(m.apic_id[0], 4);
	assert_int_equal(m.apic_id[1], 0);
	assert_int_equal(m.apic_id[2], 2);
	assert_int_equal(lines, 1); /* of 300 */
	assert_int_equal(m.local_apic, 0x123400000000ull);
	assert_int_equal(m.io_apic, 0xfec00000);
	assert_int_equal(m.io_apic_base, 0);
	assert_int_equal(m.isa_line[0], 2);
	assert_int_equal(m.isa_line[4], 4);
	assert_int_equal(m.isa_line[9], 9);
	assert_int_equal(m.isa_flags[9], 13);
	drop(t);
}

/* ---- FADT ------------------------------------------------------------------------------------------ */

static void make_fadt(uint8_t data[244])
{
	memset(data, 0, 244);
	put(data + 40, 0x1000, 4); /* DSDT */
	put(data + 64, 0x604, 4);  /* PM1a, PM1b, timer */
	put(data + 76, 0x608, 4);
	data[91] = 4;
	data[108] = 0x32;
	put(data + 112, 1 << 8 | 1 << 10, 4);
	put(put(data + 116, 1, 4), 0xcf9, 8); /* reset */
	data[128] = 0x0f;
	put(data + 140, 0x2000, 8);
	put(put(data + 172, 1, 4), 0x704, 8);
}

static void test_fadt(void **state)
{
	struct machine m = {0};
	uint8_t data[244] = {0};
	struct table t;

	(void)state;
	make_fadt(data);
	t = copy(data, sizeof(data));
	assert_true(table_fadt(&m, t));
	assert_int_equal(m.pm1a_port, 0x704);
	assert_int_equal(m.pm1b_port, 0);
	assert_int_equal(m.pm_timer_port, 0x608);
	assert_true(m.pm_timer_32bit);
	assert_int_equal(m.century_register, 0x32);
	assert_int_equal(m.reset_space, 1);
	assert_int_equal(m.reset_address, 0xcf9);
	assert_int_equal(m.reset_value, 0x0f);
	assert_int_equal(table_fadt_dsdt(t), 0x2000);
	drop(t);

	/* as in ACPI 1.0 */
	t = copy(data, 116);
	assert_true(table_fadt(&m, t));
	assert_int_equal(m.pm1a_port, 0x604);
	assert_int_equal(m.reset_space, 0xff);
	assert_int_equal(table_fadt_dsdt(t), 0x1000);
	drop(t);
	t = copy(data, 115);
	assert_false(table_fadt(&m, t));
	assert_int_equal(table_fadt_dsdt(t), 0);
	drop(t);
}

/* ---- DSDT ------------------------------------------------------------------------------------------ */

#define DSDT(text) text, sizeof(text) - 1

static bool sleep_types(const char *text, uint64_t bytes, struct machine *m)
{
	uint8_t data[128] = {0};
	struct table t;
	bool found;

	memcpy(data + 40, text, bytes);
	t = copy(data, 40 + bytes);
	found = table_dsdt(m, t);
	drop(t);
	return found;
}

static void test_dsdt(void **state)
{
	struct machine m = {0};

	(void)state;
	assert_true(sleep_types(DSDT("\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00"), &m));
	assert_int_equal(m.sleep_off_a, 5);
	assert_int_equal(m.sleep_off_b, 6);
	/* with the root before it, a longer length, a word, one element */
	assert_true(sleep_types(DSDT("\x08\\_S5_\x12\x47\x00\x01\x0b\x07\x00"), &m));
	assert_int_equal(m.sleep_off_a, 7);
	assert_int_equal(m.sleep_off_b, 0);
	/* the name is mentioned before it is defined */
	assert_true(sleep_types(DSDT("\x70_S5_\x12\x08_S5_\x12\x06\x02\x01\x00"), &m));
	assert_int_equal(m.sleep_off_a, 1);
	assert_false(sleep_types(DSDT("\x08_S5_\x12\x06\x04\x0a\x08\x0a\x06"), &m)); /* 8 */
	assert_false(sleep_types(DSDT("\x08_S5_\x12\x06\x00"), &m));
	assert_false(sleep_types(DSDT("\x08_S5_\x12"), &m));
	assert_false(sleep_types(DSDT("\x08_S5_\x12\xc6"), &m));
	assert_false(sleep_types(DSDT("\x08_S5_\x12\x06\x02\x0a"), &m));
	assert_false(sleep_types(DSDT("\x08_S5_"), &m));
	assert_false(sleep_types(DSDT("\x08_S5"), &m));
}

/* ---- NFIT ------------------------------------------------------------------------------------------ */

static uint8_t *put_range(uint8_t *p, uint32_t guid, uint64_t start, uint64_t bytes)
{
	static const uint8_t rest[12] = {0xf3, 0xb4, 0x74, 0x40, 0xac, 0x43,
					 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb};

	memset(p, 0, 56);
	put(p, 56 << 16, 4);
	put(p + 16, guid, 4);
	memcpy(p + 20, rest, 12);
	put(put(p + 32, start, 8), bytes, 8);
	return p + 56;
}

#define PERSISTENT 0x66f0d379u

static uint64_t make_nfit(uint8_t *data)
{
	uint8_t *p = data + 40;

	memset(data, 0, 40);
	p = put(put(p, 1 | 8 << 16, 4), 0, 4); /* another kind of entry */
	p = put_range(p, 0x12345678, 0x1000, 0x1000);
	p = put_range(p, PERSISTENT, 0x100000800ull, 0x1000);
	p = put_range(p, PERSISTENT, DIRECT_BYTES, 0x1000);
	p = put_range(p, PERSISTENT, 0x140000000ull, 0x40000fff);
	p = put_range(p, PERSISTENT, 0x200000000ull, 0x1000);
	return (uint64_t)(p - data);
}

static void test_nfit(void **state)
{
	struct machine m = {0};
	uint8_t data[512] = {0};
	struct table t = copy(data, make_nfit(data));

	(void)state;
	lines = 0;
	table_nfit(&m, t);
	assert_int_equal(m.nvm.start, 0x140000000ull);
	assert_int_equal(m.nvm.bytes, 0x40000000);
	assert_int_equal(lines, 3); /* not of pages, out of reach, the second one */
	drop(t);
}

/* ---- damage ---------------------------------------------------------------------------------------- */

static void read_all(const uint8_t *data, uint64_t bytes)
{
	struct machine m = {0};
	struct table t = copy(data, bytes);

	(void)table_madt(&m, t, 0);
	(void)table_fadt(&m, t);
	(void)table_fadt_dsdt(t);
	(void)table_dsdt(&m, t);
	table_nfit(&m, t);
	assert_true(m.nprocessors <= 16);
	assert_true(m.nvm.start + m.nvm.bytes <= DIRECT_BYTES);
	drop(t);
}

/* Cut at every length, and with random bytes in random places: only the sanitizers may object. */
static void test_damage(void **state)
{
	uint8_t data[4][512] = {0};
	uint64_t bytes[4] = {make_madt(data[0]), 244, 0, make_nfit(data[3])};
	uint64_t random = 1;

	(void)state;
	make_fadt(data[1]);
	memcpy(data[2] + 40, "\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00", 14);
	bytes[2] = 54;
	for (unsigned i = 0; i < 4; i++)
		for (uint64_t cut = 0; cut <= bytes[i]; cut++)
			read_all(data[i], cut);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t damaged[512];
		unsigned which = i % 4;

		memcpy(damaged, data[which], sizeof(damaged));
		for (unsigned j = 0; j <= i % 5; j++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			damaged[(random >> 33) % bytes[which]] = (uint8_t)(random >> 56);
		}
		read_all(damaged, bytes[which]);
	}
}

static void test_sum(void **state)
{
	const uint8_t right[4] = {1, 2, 3, 250}, wrong[4] = {1, 2, 3, 251};

	(void)state;
	assert_true(table_sum(right, 4));
	assert_false(table_sum(wrong, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),  cmocka_unit_test(test_madt),
		cmocka_unit_test(test_fadt), cmocka_unit_test(test_dsdt),
		cmocka_unit_test(test_nfit), cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
