/*
 * trace.c - what each processor did last.
 *
 * A ring belongs to its processor, which alone writes and prints it: no lock. An event that a
 * non-maskable interrupt stores in the middle of another one overwrites it; so be it.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"

struct trace_ring trace_rings[CPU_MAX] __attribute__((aligned(TWZ_LINE)));

static const char *const kind_name[] = {
	[TRACE_FAULT] = "fault", [TRACE_SWITCH] = "switch", [TRACE_INTERRUPT] = "irq",
	[TRACE_SHOOT] = "shoot", [TRACE_OBJECT] = "object", [TRACE_EXIT] = "exit",
};
#define KINDS (sizeof(kind_name) / sizeof(kind_name[0]))

void trace_print(unsigned count)
{
	const struct trace_ring *ring = cpu_this()->trace;
	uint64_t have = ring->count < TRACE_EVENTS ? ring->count : TRACE_EVENTS;
	uint64_t first = ring->count - (count < have ? count : have);
	uint64_t now = cycles();

	for (uint64_t i = first; i < ring->count; i++) {
		const struct trace_event *event = &ring->event[i % TRACE_EVENTS];
		const char *name = event->kind < KINDS ? kind_name[event->kind] : NULL;

		klog("  %lu cycles ago: %s %lx %lx", now - event->cycles, name ? name : "?",
		     event->a, event->b);
	}
}
