/*
 * mce.c - machine errors: what a processor's banks say of memory that is broken.
 *
 * A machine check is an exception (18). Each bank has a status, and where the error has a place in
 * memory, its physical address. A processor reports none while the one before is not acknowledged: a second
 * one meanwhile shuts it down.
 */
#include <cpuid.h>

#include "kernel/arch/x86_64/processor.h"

#define FEATURE_MCE (1u << 7) /* leaf 1, edx */
#define FEATURE_MCA (1u << 14)

#define MSR_CAP 0x179u
#define MSR_STATUS 0x17au
#define MSR_CTL 0x17bu
#define MSR_BANK(bank, what) (0x400u + 4 * (bank) + (what))
enum { BANK_CTL, BANK_STATUS, BANK_ADDRESS };

#define CAP_BANKS 0xffu
#define CAP_CTL (1u << 8)
#define STATUS_RESTARTS 1u /* the program can go on where it was */

#define BANK_VALID (1ull << 63)
#define BANK_UNCORRECTED (1ull << 61)
#define BANK_HAS_ADDRESS (1ull << 58)
#define BANK_LOST (1ull << 57) /* the processor's state may be wrong */
#define BANK_CODE 0xffffull
#define CODE_FETCH 0x150u

static bool there_are(void)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	return d & FEATURE_MCE && d & FEATURE_MCA;
}

static unsigned banks(void)
{
	return (unsigned)(msr_read(MSR_CAP) & CAP_BANKS);
}

void machine_errors_on(void)
{
	if (!there_are())
		return;
	if (msr_read(MSR_CAP) & CAP_CTL)
		msr_write(MSR_CTL, ~0ull);
	for (unsigned i = 0; i < banks(); i++) {
		msr_write(MSR_BANK(i, BANK_CTL), ~0ull);
		msr_write(MSR_BANK(i, BANK_STATUS), 0); /* of before the start */
	}
}

bool machine_error_take(struct machine_error *error)
{
	bool good = msr_read(MSR_STATUS) & STATUS_RESTARTS;

	*error = (struct machine_error){0};
	for (unsigned i = 0; i < banks(); i++) {
		uint64_t status = msr_read(MSR_BANK(i, BANK_STATUS));

		if (!(status & BANK_VALID))
			continue;
		error->status = status;
		if (status & BANK_LOST)
			good = false;
		if (status & BANK_UNCORRECTED && status & BANK_HAS_ADDRESS)
			error->address = msr_read(MSR_BANK(i, BANK_ADDRESS));
		error->fetch = (status & BANK_CODE) == CODE_FETCH;
		msr_write(MSR_BANK(i, BANK_STATUS), 0);
	}
	msr_write(MSR_STATUS, 0);
	return good;
}
