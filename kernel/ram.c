/* ram.c - the DRAM's frames (ram.h): a list of free ones, and ranges that were never used. */
#include "core/mem.h"
#include "kernel/ram.h"
#include "kernel/log.h"
#include "kernel/object.h"
#include "kernel/step.h"

uint64_t ram_total, ram_used;
uint64_t ram_zeros;

static uint16_t *holders; /* by physical address / 4096 */
static uint64_t nholders;
static unsigned range_at;              /* the range that frames are cut from */
static uint64_t range_next, range_end; /* its next one */
static uint64_t reserve[RAM_RESERVE];  /* frames that are kept for the kernel */
static unsigned nreserve;

/* A free frame leads to the next one. In a checking kernel the rest of it has a pattern. */
struct free_frame {
	uint64_t next;
	uint64_t pattern[511];
};
static uint64_t free_first;
#define PATTERN 0x5a5af4eef4ee5a5aull

#if TWZ_KERNEL_CHECK
static void poison(struct free_frame *f)
{
	for (unsigned i = 0; i < 511; i++)
		f->pattern[i] = PATTERN;
}

static void check_poison(const struct free_frame *f)
{
	for (unsigned i = 0; i < 511; i++)
		if (f->pattern[i] != PATTERN)
			panic("a free frame was written to: %p, word %u is %lx", (const void *)f,
			      i + 1, f->pattern[i]);
}
#else
#define poison(f) ((void)0)
#define check_poison(f) ((void)0)
#endif

void ram_zero(uint64_t frame)
{
	void *at = direct(frame);
	uint64_t n = TWZ_PAGE / 8;

	__asm__ volatile("rep stosq" : "+D"(at), "+c"(n) : "a"(0ull) : "memory");
}

void ram_copy(uint64_t to, uint64_t from)
{
	void *dst = direct(to), *src = direct(from);
	uint64_t n = TWZ_PAGE / 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

/* Goes on to the next range with frames that were never used; false: there is none. */
static bool next_range(void)
{
	while (range_at + 1 < machine.nram) {
		const struct range *r = &machine.ram[++range_at];

		range_next = r->start;
		range_end = r->start + r->bytes;
		if (range_next < range_end)
			return true;
	}
	return false;
}

/* A frame that is there to be taken; 0: room must be made first. */
static inline uint64_t take_ready(void)
{
	uint64_t frame = free_first;

	if (frame) {
		struct free_frame *f = direct(frame);

		free_first = f->next;
		check_poison(f);
	} else if (range_next != range_end) {
		frame = range_next;
		range_next += TWZ_PAGE;
	} else {
		return 0;
	}
	holders[frame / TWZ_PAGE] = 1;
	ram_used++;
	return frame;
}

/* In a loop: what is reclaimed may be many objects until a frame is. */
static __attribute__((noinline)) uint64_t take_scarce(void)
{
	uint64_t frame;

	while (!(frame = take_ready()))
		if (!next_range() && !object_reclaim())
			return 0;
	return frame;
}

uint64_t ram_take(void)
{
	uint64_t frame = take_ready();

	return frame ? frame : take_scarce();
}

uint64_t ram_take_zero(void)
{
	uint64_t frame = take_ready();

	if (!frame)
		frame = take_scarce();
	if (frame)
		ram_zero(frame);
	return frame;
}

/* What can be reclaimed comes first, so that the reserve lasts. */
uint64_t ram_take_reserved(void)
{
	uint64_t frame = ram_take();

	if (!frame && nreserve && KSTEP("reserve")) {
		frame = reserve[--nreserve];
		holders[frame / TWZ_PAGE] = 1;
		ram_used++;
	}
	return frame;
}

void ram_give(uint64_t frame)
{
	struct free_frame *f = direct(frame);

	KCHECK(!(frame % TWZ_PAGE) && frame / TWZ_PAGE < nholders && holders[frame / TWZ_PAGE]);
	if (--holders[frame / TWZ_PAGE])
		return;
	ram_used--;
	if (__builtin_expect(nreserve < RAM_RESERVE, 0)) {
		reserve[nreserve++] = frame;
		return;
	}
	poison(f);
	f->next = free_first;
	free_first = frame;
}

bool ram_share(uint64_t frame)
{
	uint16_t *h = &holders[frame / TWZ_PAGE];

	KCHECK(*h);
	if (*h == RAM_HOLDERS_MAX)
		return false;
	++*h;
	return true;
}

bool ram_shared(uint64_t frame)
{
	return holders[frame / TWZ_PAGE] > 1;
}

void ram_adopt(uint64_t frame)
{
	KASSERT(frame / TWZ_PAGE < nholders && !holders[frame / TWZ_PAGE]);
	holders[frame / TWZ_PAGE] = 1;
}

/* The counts lie at the start of the first range with room for them. */
static void place_holders(void)
{
	uint64_t bytes = (nholders * sizeof(*holders) + TWZ_PAGE - 1) & ~(TWZ_PAGE - 1);

	for (unsigned i = 0; i < machine.nram; i++) {
		struct range *r = &machine.ram[i];

		if (r->bytes < bytes)
			continue;
		holders = direct(r->start);
		memset(holders, 0, bytes);
		r->start += bytes;
		r->bytes -= bytes;
		return;
	}
	panic("no memory for the counts of %lu frames", nholders);
}

static void reach(const struct range *r)
{
	uint64_t end = (r->start + r->bytes + TWZ_PAGE - 1) / TWZ_PAGE;

	if (nholders < end)
		nholders = end;
}

static void fill_reserve(void)
{
	uint64_t frame[RAM_RESERVE];

	for (unsigned i = 0; i < RAM_RESERVE; i++)
		frame[i] = ram_take();
	for (unsigned i = 0; i < RAM_RESERVE; i++)
		ram_give(frame[i]);
}

void ram_init(void)
{
	for (unsigned i = 0; i < machine.nram; i++)
		reach(&machine.ram[i]);
	reach(&machine.module);
	place_holders();
	for (unsigned i = 0; i < machine.nram; i++)
		ram_total += machine.ram[i].bytes / TWZ_PAGE;
	range_next = machine.ram[0].start;
	range_end = range_next + machine.ram[0].bytes;
	ram_zeros = ram_take_zero();
	KASSERT(ram_zeros);
	fill_reserve();
}
