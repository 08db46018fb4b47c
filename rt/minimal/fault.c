/*
 * fault.c - what happens when a touch cannot be resolved, and at processor exceptions.
 *
 * The kernel enters fault_entry (entry.S) on a stack of its own, with vector registers saved around
 * all that follows. A probe of core's transactions goes on at its fix-up (tx_fixup); else the
 * program's handler is asked (twz_rt_on_fault); else a message, and the program ends with the status
 * of the signal that Linux would send. A program's handler may touch objects: it can be interrupted
 * by itself.
 */
#include <cpuid.h>

#include "core/fot.h"
#include "core/text.h"
#include "core/tx.h"
#include "rt/minimal/minimal.h"
#include "rt/minimal/program.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/thread.h"

#define STACK_BYTES (256ul << 10)
#define FXSAVE_BYTES 512u

enum { SIGNAL_ILLEGAL = 4, SIGNAL_TRAP = 5, SIGNAL_ARITHMETIC = 8, SIGNAL_MEMORY = 11 };
#define STATUS_SIGNAL 128

/* entry.S reads these. */
uint64_t fault_vector_bytes;
bool fault_xsave;

void fault_entry(void);
uint64_t fault_upcall(struct twz_upcall *upcall);

static uint8_t stack[STACK_BYTES] __attribute__((aligned(64)));
static twz_fault_handler program_handler;
static void *program_arg;

void twz_rt_on_fault(twz_fault_handler handler, void *arg)
{
	program_arg = arg;
	__atomic_store_n(&program_handler, handler, __ATOMIC_RELEASE);
}

static bool program_resolves(const struct twz_fault *fault)
{
	twz_fault_handler handler = __atomic_load_n(&program_handler, __ATOMIC_ACQUIRE);

	return handler && handler(fault, program_arg);
}

/* Of the program's own stacks only the pages below them are not to be touched: one is used up. */
static bool in_guard(const struct twz_fault *fault)
{
	const uint64_t slot = fault->address / TWZ_SLOT_SIZE;

	return (slot == TWZ_SLOT_STACK || slot == TWZ_SLOT_GATE) && fault->kind == TWZ_FAULT_RIGHT;
}

static const char *reason(const struct twz_fault *fault)
{
	return in_guard(fault) ? "the stack is used up" : fault_text(fault);
}

/* If it is a right of this program's that is missing: which one, and why. */
static bool add_right(struct message *m, const struct twz_fault *fault)
{
	static const struct {
		uint32_t access, perm;
		const char *text;
	} needed[] = {{~0u, 0, "no right to read it: "}, /* with any other one, too */
		      {TWZ_VIEW_WRITE, 1, "no right to write it: "},
		      {TWZ_VIEW_EXEC, 2, "no right to execute it: "}};
	struct twz_rt_answer answer;

	if (fault->error != TWZ_E_RIGHT ||
	    twz_rt_explain(fault->object, (struct twz_id){0, 0}, &answer))
		return false;
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!(fault->access & needed[i].access) || answer.effective >> needed[i].perm & 1)
			continue;
		message_add(m, needed[i].text);
		message_add(m, right_text(answer.reason[needed[i].perm].why));
		return true;
	}
	return false;
}

static void add_name(struct message *m, const struct twz_fault *fault)
{
	char name[128];

	if (fault->kind != TWZ_FAULT_UNRESOLVED ||
	    !fot_name((const uint64_t *)fault->address, name, sizeof(name)))
		return;
	message_add(m, ", the name ");
	message_add(m, name);
}

/* Threads that the program started are told by their number. */
static struct message begin(void)
{
	struct message m = message_begin();
	uint32_t self = (uint32_t)SYS(self, 0);

	if (self != minimal.sys.number) {
		message_add(&m, "thread ");
		message_number(&m, self);
		message_add(&m, ": ");
	}
	return m;
}

/* `code`: of the instruction; 0: no instruction did it. */
static void tell(const struct twz_fault *fault, uint64_t code)
{
	struct message m = begin();

	message_add(&m, fault->access & TWZ_VIEW_EXEC    ? "a jump to 0x"
			: fault->access & TWZ_VIEW_WRITE ? "a store at 0x"
							 : "a load at 0x");
	message_hex(&m, fault->address, 1);
	message_add(&m, " failed");
	if (fault->object.lo | fault->object.hi) {
		message_add(&m, ", offset 0x");
		message_hex(&m, fault->offset, 1);
		message_add(&m, " of object ");
		message_hex(&m, fault->object.hi, 16);
		message_hex(&m, fault->object.lo, 16);
	}
	add_name(&m, fault);
	if (code && !(fault->access & TWZ_VIEW_EXEC)) {
		message_add(&m, ", code at 0x");
		message_hex(&m, code, 1);
	}
	message_add(&m, ": ");
	if (!add_right(&m, fault))
		message_add(&m, reason(fault));
	message_end(&m);
}

static void raise(const struct twz_fault *fault, uint64_t code)
{
	if (program_resolves(fault))
		return;
	tell(fault, code);
	exit_because(STATUS_SIGNAL + SIGNAL_MEMORY, fault->kind);
}

void twz_rt_fault(const struct twz_fault *fault)
{
	raise(fault, 0);
}

/* ---- from the kernel ---------------------------------------------------------------------------- */

static _Noreturn void exception(const struct twz_upcall *upcall)
{
	static const struct {
		const char *what;
		int signal;
	} known[] = {
		[0] = {"a division by zero or past its range", SIGNAL_ARITHMETIC},
		[1] = {"a debug trap", SIGNAL_TRAP},
		[3] = {"a breakpoint", SIGNAL_TRAP},
		[6] = {"an illegal instruction", SIGNAL_ILLEGAL},
		[13] = {"an address or instruction that programs may not use", SIGNAL_MEMORY},
		[16] = {"an arithmetic error", SIGNAL_ARITHMETIC},
		[17] = {"an address that is not aligned", SIGNAL_MEMORY},
		[19] = {"an arithmetic error", SIGNAL_ARITHMETIC},
	};
	uint32_t vector = upcall->kind - TWZ_FAULT_EXCEPTION;
	struct message m = begin();
	int signal = SIGNAL_MEMORY;

	if (vector < sizeof(known) / sizeof(known[0]) && known[vector].what) {
		message_add(&m, known[vector].what);
		signal = known[vector].signal;
	} else {
		message_add(&m, "exception ");
		message_number(&m, vector);
	}
	message_add(&m, " at 0x");
	message_hex(&m, upcall->registers.rip, 1);
	message_end(&m);
	exit_because(STATUS_SIGNAL + signal, upcall->kind);
}

/* Returns the number of the call that the program goes on with, after its vector registers. */
uint64_t fault_upcall(struct twz_upcall *upcall)
{
	struct twz_fault fault = {.kind = upcall->kind,
				  .error = upcall->error,
				  .access = upcall->access,
				  .why = upcall->why,
				  .object = upcall->object,
				  .offset = upcall->offset,
				  .address = upcall->address};
	uintptr_t fixup;

	if (upcall->kind >= TWZ_FAULT_SIGNAL) {
		thread_signalled(upcall->kind - TWZ_FAULT_SIGNAL);
		return TWZ_SYS(thread_resume);
	}
	if (upcall->kind >= TWZ_FAULT_EXCEPTION)
		exception(upcall);
	fixup = tx_fixup(upcall->registers.rip);
	if (fixup) {
		upcall->registers.rip = fixup;
		return TWZ_SYS(thread_resume);
	}
	if (!(fault.object.lo | fault.object.hi) && fault.error == TWZ_E_NOTFOUND)
		fault.error = TWZ_E_OUTSIDE; /* no object that could be gone: the slot is empty */
	if (fault.address < TWZ_SLOT_SIZE)   /* the row of a pointer outside of objects is null */
		fault.kind = TWZ_FAULT_POINTER;
	raise(&fault, upcall->registers.rip);
	return TWZ_SYS(thread_resume);
}

void fault_init(void)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d);
	fault_vector_bytes = FXSAVE_BYTES;
	fault_xsave = c & bit_OSXSAVE;
	if (fault_xsave) {
		__cpuid_count(0xd, 0, a, b, c, d);
		fault_vector_bytes = b; /* of what the kernel has switched on */
	}
	if (SYS(thread_handler, fault_entry, stack + sizeof(stack), sizeof(stack)))
		die(125, "the kernel takes no fault handler");
}
