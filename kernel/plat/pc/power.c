/*
 * power.c - the end of this boot. What is on the medium was made durable by those who wrote it; that
 * the caches are written back on top of it costs nothing here.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/plat/pc/port.h"

#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_TYPE_MASK (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE (1u << 13)

enum {
	KEYBOARD_STATUS = 0x64,
	KEYBOARD_COMMAND = 0x64,
	KEYBOARD_FULL = 0x02,
	KEYBOARD_RESET = 0xfe,
};

/* Spaces of a generic address of ACPI. */
enum {
	SPACE_MEMORY = 0,
	SPACE_PORT = 1,
};

static void write_back(void)
{
	__asm__ volatile("cli; wbinvd" ::: "memory");
}

/* A while in which hardware would have done what it was told. */
static void linger(void)
{
	for (unsigned i = 0; i < 1000000; i++)
		cpu_pause();
}

static void sleep(uint16_t port, uint16_t type)
{
	unsigned value = port_get16(port) & ~(PM1_SLEEP_TYPE_MASK | PM1_SLEEP_ENABLE);

	port_put16(port, (uint16_t)(value | type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE));
}

void power_off(void)
{
	write_back();
	if (machine.pm1a_port) {
		sleep(machine.pm1a_port, machine.sleep_off_a);
		if (machine.pm1b_port)
			sleep(machine.pm1b_port, machine.sleep_off_b);
		linger();
	}
	klog("power: this machine does not switch itself off; it may be switched off now");
	for (;;)
		__asm__ volatile("cli; hlt");
}

void power_reset(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_table = {0, 0};

	write_back();
	host_tell(HOST_RESET, 0);
	if (machine.reset_space == SPACE_PORT)
		port_put8((uint16_t)machine.reset_address, machine.reset_value);
	else if (machine.reset_space == SPACE_MEMORY)
		*(volatile uint8_t *)direct(machine.reset_address) = machine.reset_value;
	linger();

	for (unsigned i = 0; i < 100000 && port_get8(KEYBOARD_STATUS) & KEYBOARD_FULL; i++)
		cpu_pause();
	port_put8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	linger();

	/* An exception that nothing handles, nor the fault of that, resets every processor. */
	__asm__ volatile("lidt %0; int3" : : "m"(no_table));
	for (;;)
		__asm__ volatile("cli; hlt");
}
