/*
 * apic.h - interrupts: the timer of each processor, messages between them, the console's line.
 */
#ifndef KERNEL_ARCH_APIC_H
#define KERNEL_ARCH_APIC_H

#include "kernel/arch/x86_64/cpu.h"

enum vector {
	VECTOR_TIMER = 0x40,
	VECTOR_FLUSH =
		0x41, /* look at flush_wanted; handled in the entry code's C, without a lock */
	VECTOR_WAKE = 0x42, /* there may be a thread to run */
	VECTOR_CONSOLE = 0x43,
	VECTOR_SPURIOUS = 0xff,
};

/* On the first processor, after acpi_init: finds the APICs, measures the clocks (1 ms or less). */
void apic_init(void);
/* On each processor, the first one too. */
void apic_start(void);

/*
 * An interrupt VECTOR_TIMER at that time stamp, or at once if it is past; ~0: none. Replaces the one
 * before. What is seconds away may come early: then it is to be set again.
 */
void apic_timer(uint64_t at);
/* This processor's, which messages to it name. */
uint32_t apic_id(void);
void apic_send(const struct cpu *cpu, enum vector vector);
/* Stops all other processors for good (a panic): non-maskable. */
void apic_stop_others(void);
/* The interrupt in service is done with. */
void apic_end(void);
/* Routes the line of a legacy interrupt (COM1: 4), as ACPI overrides it, to the first processor. */
void apic_route(unsigned line, enum vector vector);

#endif
