/* fault.c - traps of programs (fault.h). */
#include "core/mem.h"
#include "core/text.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/console.h"
#include "kernel/fault.h"
#include "kernel/gate.h"
#include "kernel/log.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/view.h"

#define RED_ZONE 128u /* below the stack pointer, the program's */
#define GENERAL_REGISTERS (offsetof(struct twz_registers, rip) / sizeof(uint64_t))
#define STATUS_SIGNAL 128u
#define STATUS_FAULT 139u /* 128 + SIGSEGV, as people know it */

static uint32_t status_of(uint32_t kind)
{
	return kind < TWZ_FAULT_SIGNAL ? STATUS_FAULT : STATUS_SIGNAL + kind - TWZ_FAULT_SIGNAL;
}

/* Nobody handles it: a message as the runtimes give it, and the end. */
static void unhandled(struct thread *t, const struct twz_fault *fault, const char *where)
{
	char text[400], object[80] = "";
	uint64_t n;

	if (fault->object.lo | fault->object.hi)
		kformat(object, sizeof(object), ", offset 0x%lx of object %016lx%016lx",
			fault->offset, fault->object.hi, fault->object.lo);
	if (fault->kind >= TWZ_FAULT_SIGNAL)
		n = kformat(text, sizeof(text), "%s: thread %u: signal %u%s\n", t->page->name,
			    t->number, fault->kind - TWZ_FAULT_SIGNAL, where);
	else if (fault->kind >= TWZ_FAULT_EXCEPTION)
		n = kformat(text, sizeof(text), "%s: thread %u: exception %u at 0x%lx%s\n",
			    t->page->name, t->number, fault->kind - TWZ_FAULT_EXCEPTION,
			    t->regs.rip, where);
	else
		n = kformat(text, sizeof(text),
			    "%s: thread %u: a %s 0x%lx failed%s, code at 0x%lx%s: %s\n",
			    t->page->name, t->number,
			    fault->access == TWZ_VIEW_WRITE  ? "store at"
			    : fault->access == TWZ_VIEW_EXEC ? "jump to"
							     : "load at",
			    fault->address, object, t->regs.rip, where,
			    fault->why ? right_text(fault->why) : fault_text(fault));
	console_write(text, n);
	if (gate_inside(t) && KSTEP("gate-fault"))
		gate_fail(t, TWZ_E_CALLEE);
	else
		thread_fail(t, status_of(fault->kind), fault->kind);
}

static bool on_handler_stack(const struct thread *t)
{
	return t->handler->stack - t->regs.rsp < t->handler->bytes;
}

static inline uint64_t word(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * A struct twz_upcall at `to`. Most words lie in the thread and in the fault as they do there: straight to
 * where they go.
 */
static inline bool put(const struct thread *t, const struct twz_fault *fault, uint64_t to)
{
	const uint64_t access = fault->access |
				(uint64_t)(t->handler->depth + 1) << 32 /* depth */ |
				(uint64_t)fault->why << 48;

	user_open();
	if (user_copy((void *)to, &t->regs, GENERAL_REGISTERS))
		goto fail;
	user_put(to, offsetof(struct twz_upcall, registers.rip), t->regs.rip, fail);
	user_put(to, offsetof(struct twz_upcall, registers.rflags), t->regs.rflags, fail);
	user_put(to, offsetof(struct twz_upcall, registers.rsp), t->regs.rsp, fail);
	user_put(to, offsetof(struct twz_upcall, kind), word(&fault->kind), fail);
	user_put(to, offsetof(struct twz_upcall, access), access, fail);
	user_put(to, offsetof(struct twz_upcall, object.lo), fault->object.lo, fail);
	user_put(to, offsetof(struct twz_upcall, object.hi), fault->object.hi, fail);
	user_put(to, offsetof(struct twz_upcall, offset), fault->offset, fail);
	user_put(to, offsetof(struct twz_upcall, address), fault->address, fail);
	user_close();
	return true;
fail:
	user_close();
	return false;
}

/* Enters the program's handler with this fault. */
void fault_upcall(struct thread *t, const struct twz_fault *fault)
{
	uint64_t at;

	trace(TRACE_FAULT, fault->address, t->regs.rip);
	if (!t->handler->entry || (KSTEP("depth") && t->handler->depth == FAULT_DEPTH_MAX)) {
		unhandled(t, fault, t->handler->depth ? ", within its fault handler" : "");
		return;
	}
	at = t->handler->depth && on_handler_stack(t) ? t->regs.rsp - RED_ZONE : t->handler->stack;
	at = (at - sizeof(struct twz_upcall)) & ~15ull;
	if (!user_range(at, sizeof(struct twz_upcall)) || !put(t, fault, at)) {
		if (right_waits())
			return;
		unhandled(t, fault, ", and its fault handler's stack cannot be written to");
		return;
	}
	t->handler->depth++;
	cpu_this()->upcalls++;
	t->regs.rdi = at;
	t->regs.rsp = at - RED_ZONE - sizeof(uint64_t); /* aligned as after a call */
	t->regs.rip = t->handler->entry;
	t->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

void fault_machine(struct thread *t, const struct machine_error *error)
{
	struct twz_fault fault = {.kind = TWZ_FAULT_MACHINE,
				  .error = TWZ_E_IO,
				  .access = error->fetch ? TWZ_VIEW_EXEC : TWZ_VIEW_READ};

	klog("machine error: memory at %lx is broken, status %lx", error->address, error->status);
	if (error->address)
		view_find(t->view, error->address, &fault);
	fault_upcall(t, &fault);
}

void fault_exception(struct thread *t, unsigned vector)
{
	const struct twz_fault fault = {
		.kind = TWZ_FAULT_EXCEPTION + vector, .error = TWZ_E_ARG, .address = t->regs.rip};

	fault_upcall(t, &fault);
}

/* It is in no upcall: what waits comes before it goes on. */
static void signals_due(struct thread *t)
{
	if (!t->page->signals)
		return;
	t->flags |= THREAD_SIGNALLED;
	thread_interrupt(t);
}

/* Whoever sent it has the right to end the thread, and says whatever is to be said. */
void fault_signal(struct thread *t)
{
	const unsigned number = (unsigned)__builtin_ctzll(t->page->signals);
	const struct twz_fault fault = {.kind = TWZ_FAULT_SIGNAL + number, .address = t->regs.rip};

	if ((KSTEP("gate-signal-waits") && gate_defers(t, GATE_SIGNAL)) ||
	    (t->handler->depth && KSTEP("signal-waits"))) {
		t->flags &= (uint8_t)~THREAD_SIGNALLED;
		return;
	}
	if (!t->handler->entry) {
		thread_fail(t, status_of(fault.kind), fault.kind);
		return;
	}
	fault_upcall(t, &fault);
	if (right_waits() || t->flags & THREAD_ENDING)
		return;
	t->page->signals &= ~(1ull << number);
	t->flags &= (uint8_t)~THREAD_SIGNALLED;
}

int64_t sys_thread_handler(struct thread *t, struct regs *r)
{
	const uint64_t entry = A0(r), stack = A1(r), bytes = A2(r);

	if (entry >= USER_END || !user_range(stack, 0) || bytes > stack)
		return TWZ_E_ARG;
	t->handler->entry = entry;
	t->handler->stack = stack & ~15ull;
	t->handler->bytes = bytes;
	return 0;
}

/*
 * In place, into the registers that are saved. That the last ones are there is known before the first one
 * is changed: so what fails changes none that the caller would miss, but if a page that was there
 * a moment ago is not any more.
 */
int64_t sys_thread_resume(struct thread *t, struct regs *r)
{
	const uint64_t from = A0(r);
	uint64_t rip = 0, rflags = 0, rsp = 0;

	if (!user_range(from, sizeof(struct twz_registers)))
		return TWZ_E_OUTSIDE;
	user_open();
	user_get(&rip, from, offsetof(struct twz_registers, rip), fail);
	user_get(&rflags, from, offsetof(struct twz_registers, rflags), fail);
	user_get(&rsp, from, offsetof(struct twz_registers, rsp), fail);
	if (KSTEP("resume-address") && rip >= USER_END) {
		user_close();
		return TWZ_E_ARG;
	}
	if (user_copy(r, (const void *)from, GENERAL_REGISTERS))
		goto fail;
	user_close();
	r->rip = rip;
	r->rflags = (rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	r->rsp = rsp;
	if (t->handler->depth && !--t->handler->depth)
		signals_due(t);
	return SYSCALL_REPLACED;
fail:
	user_close();
	return TWZ_E_OUTSIDE;
}
