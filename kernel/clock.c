/*
 * clock.c - time and alarms (clock.h).
 *
 * The heap is a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): its elements are the alarms
 * themselves, so it needs no memory; setting one takes constant time, taking the first one a time that
 * grows with the logarithm of their number.
 */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/clock.h"
#include "kernel/thread.h"

#define BEAT_NS 1000000000ull /* the front door wants a sign of life this often */
#define NS 1000000000ull

static struct alarm *first;
static uint64_t next_beat;

/* Factors as fixed-point numbers: the kernel has no division of 128 bits. Good up to 16 GHz. */
#define CYCLES_SHIFT 30
#define NS_SHIFT 32
static uint64_t cycles_per_ns, ns_per_cycle;

static struct alarm *meld(struct alarm *a, struct alarm *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		struct alarm *c = a;

		a = b;
		b = c;
	}
	b->next = a->child;
	b->link = &a->child;
	if (b->next)
		b->next->link = &b->next;
	a->child = b;
	return a;
}

/* The ring of siblings melded in pairs, then from the last pair to the first. */
static struct alarm *meld_all(struct alarm *a)
{
	struct alarm *pairs = NULL, *all = NULL;

	while (a) {
		struct alarm *b = a->next, *rest = b ? b->next : NULL, *pair;

		a->next = NULL;
		if (b)
			b->next = NULL;
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
		a = rest;
	}
	while (pairs) {
		struct alarm *rest = pairs->next;

		pairs->next = NULL;
		all = meld(all, pairs);
		pairs = rest;
	}
	return all;
}

static void root_set(struct alarm *root)
{
	first = root;
	if (root)
		root->link = &first;
}

void alarm_set(struct alarm *alarm, uint64_t at, void (*ring)(struct alarm *alarm))
{
	*alarm = (struct alarm){.at = at, .ring = ring};
	root_set(meld(first, alarm));
}

void alarm_cancel(struct alarm *alarm)
{
	struct alarm *below;

	if (!alarm->link)
		return;
	*alarm->link = alarm->next;
	if (alarm->next)
		alarm->next->link = alarm->link;
	below = meld_all(alarm->child);
	alarm->link = NULL;
	root_set(meld(first, below));
}

void alarm_run(uint64_t now)
{
	while (first && first->at <= now) {
		struct alarm *alarm = first;

		alarm_cancel(alarm);
		alarm->ring(alarm);
	}
}

void clock_arm(struct cpu *cpu, uint64_t at)
{
	if (first && first->at < at)
		at = first->at;
	if (!cpu->number && next_beat < at)
		at = next_beat;
	if (at >= cpu->timer)
		return; /* it comes early enough, and sets itself anew */
	cpu->timer = at;
	apic_timer(at);
}

void clock_tick(struct cpu *cpu)
{
	uint64_t now = cycles();

	cpu->timer = CLOCK_NEVER;
	if (!cpu->number && now >= next_beat) {
		host_tell(HOST_BEAT, 0);
		next_beat = now + clock_cycles(BEAT_NS);
	}
	alarm_run(now);
	if (now >= cpu->slice)
		cpu->reschedule |= RESCHEDULE;
	if (!cpu->reschedule && cpu->thread)
		clock_arm(cpu, cpu->slice);
}

void clock_init(void)
{
	cycles_per_ns = (machine.cycles_per_s << CYCLES_SHIFT) / NS;
	ns_per_cycle = (NS << NS_SHIFT) / machine.cycles_per_s;
}

uint64_t clock_cycles(uint64_t ns)
{
	unsigned __int128 c = (unsigned __int128)ns * cycles_per_ns >> CYCLES_SHIFT;

	return c >> 64 ? CLOCK_NEVER : (uint64_t)c;
}

uint64_t clock_ns(uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * ns_per_cycle >> NS_SHIFT);
}

uint64_t clock_wall_ns(void)
{
	return machine.wall_ns + clock_ns(cycles() - machine.wall_cycles);
}
