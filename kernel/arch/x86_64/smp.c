/*
 * smp.c - the first processor's way to kernel_main, and the start of the others.
 */
#include "core/mem.h"
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/log.h"
#include "kernel/machine.h"

#define JUMP_US 10         /* see start */
#define START_US 200       /* until the start-up message is sent again */
#define START_US_MAX 50000 /* until the processor is given up */

static void (*entry)(void);
static bool counted; /* ncpus is final */

static _Noreturn void start_first(struct cpu *cpu, uint64_t start_info)
{
	machine.entry_cycles = entry_cycles;
	cpu_prepare(cpu, 0);
	serial_init(); /* first, so that a panic is seen there */
	cpu_init(cpu);
	paging_init();
	pvh_init(start_info);
	acpi_init();
	cpu->apic_id = machine.apic_id[0];
	apic_init();
	apic_start();
	rtc_init();
	cpu->online = 1;
	ncpus = 1;
	kernel_main();
	panic("kernel_main has come to its end");
}

static _Noreturn void start_other(struct cpu *cpu)
{
	cpu_init(cpu);
	cpu_load_root(kernel_root);
	cpu->apic_id = apic_id(); /* it may be one that was given up before */
	apic_start();
	__atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
	/* None runs anything before all are counted: shootdowns ask those that are. */
	while (!__atomic_load_n(&counted, __ATOMIC_ACQUIRE))
		cpu_pause();
	entry();
	panic("the entry of processor %u has come to its end", cpu->number);
}

void start_processor(struct cpu *cpu, uint64_t start_info)
{
	if (cpu == &cpus[0])
		start_first(cpu, start_info);
	start_other(cpu);
}

static bool online_by(const struct cpu *cpu, uint64_t until)
{
	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (cycles() >= until)
			return false;
		cpu_pause();
	}
	return true;
}

/*
 * INIT, start-up, start-up. The manual's 10 ms behind INIT are for processors of the last century;
 * today's take the next message at once.
 *
 * On a busy host one can come later than anybody waits for it, even after another INIT: `starting` is
 * taken by one only, and is taken back when the processor is given up.
 *
 * Where QEMU counts instructions, a processor that is reset makes the time jump to the next moment
 * that any timer is set to, often 50 ms away. So one is set.
 */
static bool start(struct cpu *cpu)
{
	uint64_t us = machine.cycles_per_s / 1000000, from = cycles();

	__atomic_store_n(&starting, cpu, __ATOMIC_RELEASE);
	apic_timer(from + JUMP_US * us);
	apic_send_init(cpu);
	apic_send_startup(cpu, machine.start_page);
	if (online_by(cpu, from + START_US * us))
		return true;
	apic_send_startup(cpu, machine.start_page);
	if (online_by(cpu, from + START_US_MAX * us))
		return true;
	if (__atomic_exchange_n(&starting, NULL, __ATOMIC_ACQ_REL)) {
		apic_send_init(cpu);
		return false;
	}
	return online_by(cpu, ~0ull); /* it is on its way */
}

/* One that came late, in another's place? To start it would reset it. */
static bool is_online(uint32_t id)
{
	for (unsigned i = 0; i < ncpus; i++)
		if (cpus[i].apic_id == id)
			return true;
	return false;
}

void cpu_start_others(void (*fn)(void))
{
	entry = fn;
	memcpy(direct(machine.start_page), trampoline, (size_t)(trampoline_end - trampoline));
	for (unsigned i = 1; i < machine.nprocessors && ncpus < CPU_MAX; i++) {
		struct cpu *cpu = &cpus[ncpus];

		if (is_online(machine.apic_id[i]))
			continue;
		cpu_prepare(cpu, machine.apic_id[i]);
		if (start(cpu))
			ncpus++;
		else
			klog("cpu: the processor with APIC ID %u does not start", cpu->apic_id);
	}
	apic_timer(~0ull);
	__atomic_store_n(&counted, true, __ATOMIC_RELEASE);
}
