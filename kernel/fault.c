/* fault.c - traps of programs (fault.h). */
#include "core/mem.h"
#include "core/text.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/console.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/view.h"

#define RED_ZONE 128u     /* below the stack pointer, the program's */
#define STATUS_FAULT 139u /* 128 + SIGSEGV, as people know it */

static const char *reason(const struct twz_fault *fault)
{
	switch (fault->error) {
	case TWZ_E_NOTFOUND:
		return "no object is mapped there";
	case TWZ_E_RIGHT:
		return fault->why ? right_text(fault->why) : "the right is not granted";
	case TWZ_E_SEALED:
		return "the object is sealed and cannot change";
	case TWZ_E_FULL:
		return "the store is full";
	case TWZ_E_NOMEM:
		return "out of memory";
	case TWZ_E_LIMIT:
		return "the limit of the key is reached";
	case TWZ_E_OUTSIDE:
		return "the first page of an object is never there";
	default:
		return "that cannot be mapped";
	}
}

/* Nobody handles it: a message, and the end. */
static void unhandled(struct thread *t, const struct twz_fault *fault, const char *why)
{
	char text[320];
	uint64_t n;

	if (fault->kind >= TWZ_FAULT_EXCEPTION)
		n = kformat(text, sizeof(text), "%s: thread %u: exception %u at 0x%lx%s\n",
			    t->page->name, t->number, fault->kind - TWZ_FAULT_EXCEPTION,
			    t->regs.rip, why);
	else
		n = kformat(text, sizeof(text),
			    "%s: thread %u: a %s at 0x%lx failed (offset 0x%lx of object "
			    "%016lx%016lx, code at 0x%lx): %s%s\n",
			    t->page->name, t->number,
			    fault->access == TWZ_VIEW_WRITE  ? "store"
			    : fault->access == TWZ_VIEW_EXEC ? "jump"
							     : "load",
			    fault->address, fault->offset, fault->object.hi, fault->object.lo,
			    t->regs.rip, reason(fault), why);
	console_write(text, n);
	thread_kill(t, STATUS_FAULT);
}

static void registers_out(const struct regs *regs, struct twz_registers *out)
{
	memcpy(out, regs, offsetof(struct twz_registers, rip));
	out->rip = regs->rip;
	out->rflags = regs->rflags;
	out->rsp = regs->rsp;
}

static bool on_handler_stack(const struct thread *t)
{
	return t->handler_stack - t->regs.rsp < t->handler_bytes;
}

/* Enters the program's handler with this fault. */
static __attribute__((noinline)) void upcall(struct thread *t, const struct twz_fault *fault)
{
	struct twz_upcall call = {.kind = fault->kind,
				  .error = fault->error,
				  .access = fault->access,
				  .depth = (uint16_t)(t->depth + 1),
				  .why = (uint16_t)fault->why,
				  .object = fault->object,
				  .offset = fault->offset,
				  .address = fault->address};
	uint64_t at;

	trace(TRACE_FAULT, fault->address, t->regs.rip);
	if (!t->handler_entry || (KSTEP("depth") && t->depth == FAULT_DEPTH_MAX)) {
		unhandled(t, fault, t->depth ? " (within its fault handler)" : "");
		return;
	}
	registers_out(&t->regs, &call.registers);
	at = t->depth && on_handler_stack(t) ? t->regs.rsp - RED_ZONE : t->handler_stack;
	at = (at - sizeof(call)) & ~15ull;
	if (user_write(at, &call, sizeof(call))) {
		if (right_waits())
			return;
		unhandled(t, fault, " (and its fault handler's stack cannot be written to)");
		return;
	}
	t->depth++;
	cpu_this()->upcalls++;
	t->regs.rdi = at;
	t->regs.rsp = at - RED_ZONE - sizeof(uint64_t); /* aligned as after a call */
	t->regs.rip = t->handler_entry;
	t->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

void fault_page(struct thread *t, uint64_t address, uint64_t error)
{
	struct twz_fault fault;

	fault.address = address;
	fault.access = error & FAULT_FETCH   ? TWZ_VIEW_EXEC
		       : error & FAULT_WRITE ? TWZ_VIEW_WRITE
					     : TWZ_VIEW_READ;
	if (!view_touch(t, address, &fault) && !(right_waits()))
		upcall(t, &fault);
}

void fault_exception(struct thread *t, unsigned vector)
{
	const struct twz_fault fault = {
		.kind = TWZ_FAULT_EXCEPTION + vector, .error = TWZ_E_ARG, .address = t->regs.rip};

	upcall(t, &fault);
}

int fault_set_handler(struct thread *t, uint64_t entry, uint64_t stack, uint64_t bytes)
{
	if (entry >= USER_END || !user_range(stack, 0) || bytes > stack)
		return TWZ_E_ARG;
	t->handler_entry = entry;
	t->handler_stack = stack & ~15ull;
	t->handler_bytes = bytes;
	return 0;
}

int fault_resume(struct thread *t, uint64_t from)
{
	struct twz_registers regs;
	int error = user_read(&regs, from, sizeof(regs));

	if (error)
		return error;
	if (KSTEP("resume-address") && regs.rip >= USER_END)
		return TWZ_E_ARG;
	memcpy(&t->regs, &regs, offsetof(struct twz_registers, rip));
	t->regs.rip = regs.rip;
	t->regs.rflags = (regs.rflags & RFLAGS_USER) | RFLAGS_FIXED | RFLAGS_IF;
	t->regs.rsp = regs.rsp;
	if (t->depth)
		t->depth--;
	return 0;
}
