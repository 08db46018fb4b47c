/*
 * log.h - the kernel's log, its end, and its memory of what happened last.
 *
 * Callable from anywhere, with or without the kernel's lock: lines of two processors do not mix.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

#include "kernel/arch/x86_64/cpu.h"

/* printf's d u x c s p with widths, l and z, %% ; one line each, without its end. At most 200 bytes. */
void klog(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same into a buffer, cut to fit, ended by a zero; returns its length. For messages to programs too. */
uint64_t kformat(char *to, uint64_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t kvformat(char *to, uint64_t room, const char *format, va_list arguments);

/* A panic's: from now on klog waits for no lock, and writes to the console too. */
void log_panic(void);

/*
 * Stops all processors, says why, where (by name), what this processor did last (the trace ring) and
 * which thread ran, tells the host, and halts. A panic within a panic only halts.
 */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct regs;
_Noreturn void panic_at(const struct regs *regs, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Number and name of the thread that runs here, to the log, trusting nothing. thread.c */
void panic_thread(void);

/* Something is true, or the kernel is wrong: in every build where it is cheap. */
#define KASSERT(what)                                                          \
	do {                                                                   \
		if (__builtin_expect(!(what), 0))                              \
			panic("%s:%d: not so: %s", __FILE__, __LINE__, #what); \
	} while (0)

#if TWZ_KERNEL_CHECK
#define KCHECK(what) KASSERT(what) /* dear ones: the checking kernel's only */
#else
#define KCHECK(what) ((void)0)
#endif

/* The name of the function that holds the address, and how far in; "?" if none. symbol.c */
const char *symbol_name(uint64_t address, uint64_t *offset);

/* ---- trace ring: the last 256 events of each processor ---------------------------------------------- */

enum trace_kind {
	TRACE_FAULT = 1, /* address, rip: one that could not be resolved */
	TRACE_SWITCH,    /* thread from, to */
	TRACE_INTERRUPT,
	TRACE_SHOOT,  /* processors waited for, what */
	TRACE_OBJECT, /* made or freed: id.lo, 1 or 0 */
	TRACE_EXIT,   /* thread, status */
};
struct trace_event {
	uint64_t cycles;
	uint32_t kind, reserved;
	uint64_t a, b;
};
#define TRACE_EVENTS 256u
/* A processor's own: it alone writes and prints it. What it did last. */
struct trace_ring {
	uint64_t count; /* that were ever stored */
	struct trace_event event[TRACE_EVENTS];
};
extern struct trace_ring trace_rings[];

static inline void trace_at(uint64_t now, enum trace_kind kind, uint64_t a, uint64_t b)
{
	struct trace_ring *ring = cpu_this()->trace;
	struct trace_event *event = &ring->event[ring->count++ % TRACE_EVENTS];

	event->cycles = now;
	event->kind = kind;
	event->a = a;
	event->b = b;
}

static inline void trace(enum trace_kind kind, uint64_t a, uint64_t b)
{
	trace_at(cycles(), kind, a, b);
}
/* The last `count` events of this processor, to the log. */
void trace_print(unsigned count);

#endif
