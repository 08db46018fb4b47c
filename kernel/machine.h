/*
 * machine.h - what the firmware said of this machine, and its few devices that the kernel drives.
 *
 * All physical memory, DRAM, NVDIMM and registers of devices, is mapped at DIRECT + its address,
 * readable and writable, never executable. Filled in once at the start, constant afterwards.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "abi/base.h"
#include "abi/program.h"

#define DIRECT 0xffff800000000000ull /* 512 GiB from here, in pages of 1 GiB */
#define DIRECT_BYTES ((uint64_t)512 << 30)

static inline void *direct(uint64_t physical)
{
	return (void *)(DIRECT + physical);
}

static inline uint64_t physical(const void *p)
{
	return (uint64_t)p - DIRECT; /* of a direct address */
}

struct range {
	uint64_t start, bytes; /* physical */
};

#define MACHINE_RANGES 32u

struct machine {
	struct range ram
		[MACHINE_RANGES]; /* free to use: whole pages; kernel, module, tables not in it */
	unsigned nram;
	struct range nvm;    /* the first NVDIMM; bytes 0: none */
	struct range module; /* the boot archive; bytes 0: none */
	char command_line[TWZ_COMMAND_LINE_MAX + 1];

	unsigned nprocessors; /* that may be started; [0] is the one that runs first */
	uint32_t apic_id[16];
	uint64_t start_page; /* below 1 MiB, free: where the others start */
	uint64_t local_apic; /* physical addresses */
	uint64_t io_apic;
	uint32_t io_apic_base;  /* its first global interrupt */
	uint32_t isa_line[16];  /* global interrupt of each legacy line */
	uint16_t isa_flags[16]; /* polarity and trigger, as in the MADT */

	uint16_t pm_timer_port; /* 3,579,545 Hz; 0: none */
	bool pm_timer_32bit;
	uint16_t pm1a_port, pm1b_port;     /* control blocks */
	uint16_t sleep_off_a, sleep_off_b; /* SLP_TYP of S5 */
	uint8_t reset_space, reset_value;  /* reset register; space 0xff: none */
	uint64_t reset_address;
	uint8_t century_register;

	uint64_t entry_cycles; /* time stamp at the kernel's entry */
	uint64_t cycles_per_s;
	uint64_t wall_ns; /* nanoseconds since 1970 at time stamp wall_cycles */
	uint64_t wall_cycles;
};
extern struct machine machine;

/* ---- plat/pc, in the order of their calls ----------------------------------------------------------- */

/*
 * Reads the PVH start info at this physical address: memory map, module, command line, RSDP; takes
 * out of `ram` what the kernel, these and the first MiB occupy. Panics if it makes no sense.
 */
void pvh_init(uint64_t start_info);
/* Walks the ACPI tables from the RSDP that pvh_init found; checks sums and lengths. */
void acpi_init(void);
/* Reads the clock of the machine into wall_ns, wall_cycles. */
void rtc_init(void);

/* The console: COM1. Characters come by VECTOR_CONSOLE once it is routed. */
void serial_init(void);
void serial_put(const char *data, uint64_t bytes);
int serial_get(void); /* -1: none */
/* The kernel's log: port 0xe9, which nobody minds on a machine that has none there. */
void debug_put(const char *data, uint64_t bytes);

/*
 * A word to the front door (tools/vm), by port 0x402: a byte HOST_*, and with HOST_STATUS one more.
 * HOST_BEAT about once a second, the first one when the console takes input; HOST_STATUS before the
 * machine is turned off; HOST_RESET before it is reset, or the front door takes the reset for a
 * triple fault; HOST_PANIC when the log has been written.
 */
enum host_word { HOST_BEAT = 'b', HOST_STATUS = 's', HOST_RESET = 'r', HOST_PANIC = 'p' };
#define STATUS_UNUSABLE 126 /* of HOST_STATUS: nobody could start programs, or can any more */
void host_tell(enum host_word word, uint8_t status);

/* Caches written back, then off; if that fails, halts. */
_Noreturn void power_off(void);
_Noreturn void power_reset(void);

#endif
