/*
 * main.c - the order in which the kernel comes up.
 */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/ram.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/random.h"
#include "kernel/sync.h"
#include "kernel/thread.h"
#include "kernel/verify.h"

#define COM1_LINE 4u

void kernel_main(void)
{
	ram_init();
	clock_init();
	random_init();
	thread_init();
	sync_init();
	nvm_init();
	boot_objects();
	boot_rights();
	verify_init();
	console_init(boot_word("terminal"));
	apic_route(COM1_LINE, VECTOR_CONSOLE);
	boot_start();
	cpu_start_others(thread_start_processor);
	klog("%u processors, %lu MiB of memory", ncpus, ram_total >> 8);
	host_tell(HOST_BEAT, 0);
	thread_start_processor();
}
