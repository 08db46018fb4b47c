/* fault.c - SIGSEGV and SIGBUS (fault.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/fot.h"
#include "core/ptr.h"
#include "core/text.h"
#include "core/tx.h"
#include "rt/linux/fault.h"
#include "rt/linux/home.h"
#include "rt/linux/lease.h"
#include "rt/linux/slots.h"

#define STACK_BYTES (256ul << 10) /* sanitizers need much */
#define FAULT_WRITE 2             /* in the processor's error code */
#define FAULT_FETCH 16
#define NAME_ROOM 128 /* of a name in a message */

static struct sigaction before_segv, before_bus;
static twz_fault_handler program_handler;
static void *program_arg;

void twz_rt_on_fault(twz_fault_handler handler, void *arg)
{
	program_arg = arg;
	__atomic_store_n(&program_handler, handler, __ATOMIC_RELEASE);
}

/* `code`: of the instruction; 0: no instruction did it. */
static void tell(const struct twz_fault *fault, uint64_t code)
{
	char thread[32] = "", object[96] = "", at[32] = "", name[NAME_ROOM];
	bool named = fault->kind == TWZ_FAULT_UNRESOLVED &&
		     fot_name((const uint64_t *)fault->address, name, sizeof(name));

	if (gettid() != getpid()) /* threads that the program started are told by their number */
		snprintf(thread, sizeof(thread), "thread %d: ", gettid());
	if (fault->object.lo | fault->object.hi)
		snprintf(object, sizeof(object),
			 ", offset 0x%" PRIx64 " of object %016" PRIx64 "%016" PRIx64,
			 fault->offset, fault->object.hi, fault->object.lo);
	if (code && !(fault->access & TWZ_VIEW_EXEC))
		snprintf(at, sizeof(at), ", code at 0x%" PRIx64, code);
	message("%sa %s 0x%" PRIx64 " failed%s%s%s%s: %s", thread,
		fault->access & TWZ_VIEW_EXEC    ? "jump to"
		: fault->access & TWZ_VIEW_WRITE ? "store at"
						 : "load at",
		fault->address, object, named ? ", the name " : "", named ? name : "", at,
		fault_text(fault));
}

static bool program_resolves(const struct twz_fault *fault)
{
	twz_fault_handler handler = __atomic_load_n(&program_handler, __ATOMIC_ACQUIRE);

	return handler && handler(fault, program_arg);
}

/*
 * A store whose page another process must give back first (lease.h), and it does not: without a handler of the
 * program's that knows better, this waits. Others have their turn at the store meanwhile.
 */
static bool wait_for_late(uintptr_t addr, bool write, struct twz_fault *fault)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

	if (fault->error != TWZ_E_BUSY || __atomic_load_n(&program_handler, __ATOMIC_ACQUIRE))
		return false;
	message("waiting for process %d, which does not give back what it has mapped: is it "
		"stopped?",
		(int)lease_late());
	do
		nanosleep(&pause, NULL);
	while (!slots_touch(addr, write, 1, fault) && fault->error == TWZ_E_BUSY);
	return !fault->error;
}

static void default_action(int signal)
{
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

/* Somebody sent the signal; no instruction of this thread did it. */
static bool was_sent(const siginfo_t *info)
{
	return info->si_code <= 0;
}

/*
 * As if our handler did not exist. On return the instruction is tried again; a signal that was sent
 * must be sent again for its default action.
 */
static void chain(const struct sigaction *before, int signal, siginfo_t *info, void *context)
{
	if (before->sa_flags & SA_SIGINFO && before->sa_sigaction)
		before->sa_sigaction(signal, info, context);
	else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
		before->sa_handler(signal);
	else if (!was_sent(info))
		default_action(signal);
	else if (before->sa_handler == SIG_DFL) {
		default_action(signal);
		raise(signal);
	}
}

/* Objects are never mapped to be executed: the touch would be resolved again and again. */
static bool is_jump(uintptr_t addr, greg_t code, struct twz_fault *fault)
{
	if (!slots_hold(addr) || !(code & FAULT_FETCH))
		return false;
	*fault = (struct twz_fault){.kind = TWZ_FAULT_RIGHT,
				    .error = TWZ_E_RIGHT,
				    .access = TWZ_VIEW_EXEC,
				    .object = slots_id(addr),
				    .offset = obj_offset((const void *)addr),
				    .address = addr};
	return true;
}

static void on_segv(int signal, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t addr = (uintptr_t)info->si_addr, fixup;
	bool held = slots_hold(addr), low = addr < LOW_END;
	struct twz_fault fault;
	int saved = errno;

	/* Sent by somebody, or an address that no pointer can have (the host does not say which). */
	if (was_sent(info) || info->si_code == SI_KERNEL) {
		chain(&before_segv, signal, info, context);
		return;
	}
	if (!is_jump(addr, reg[REG_ERR], &fault) &&
	    slots_touch(addr, reg[REG_ERR] & FAULT_WRITE, 1, &fault))
		goto out;
	fixup = tx_fixup((uintptr_t)reg[REG_RIP]);
	if (fixup) {
		reg[REG_RIP] = (greg_t)fixup;
		goto out;
	}
	if (wait_for_late(addr, reg[REG_ERR] & FAULT_WRITE, &fault))
		goto out;
	if (low)
		fault.kind = TWZ_FAULT_POINTER;
	if (held || low) {
		if (program_resolves(&fault))
			goto out;
		tell(&fault, (uint64_t)reg[REG_RIP]);
	}
	if (held)
		default_action(signal);
	else
		chain(&before_segv, signal, info, context);
out:
	errno = saved;
}

/* The host found the memory of a page broken. */
static bool is_machine(const siginfo_t *info)
{
	return info->si_code == BUS_MCEERR_AR && slots_hold((uintptr_t)info->si_addr);
}

static void on_bus(int signal, siginfo_t *info, void *context)
{
	const greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t addr = (uintptr_t)info->si_addr;
	int saved = errno;

	if (is_machine(info)) {
		const struct twz_fault fault = {.kind = TWZ_FAULT_MACHINE,
						.error = TWZ_E_IO,
						.access = TWZ_VIEW_READ,
						.object = slots_id(addr),
						.offset = obj_offset((const void *)addr),
						.address = addr};

		if (program_resolves(&fault)) {
			errno = saved;
			return;
		}
		tell(&fault, (uint64_t)reg[REG_RIP]);
		default_action(signal);
		return;
	}
	if (!was_sent(info) &&
	    (addr - (uintptr_t)home.image.base < home.image.bytes || slots_hold(addr))) {
		message("the store's file became shorter, or its disk is full or cannot be read "
			"(address 0x%" PRIxPTR "); what was made durable is in the file",
			addr);
		default_action(signal);
		return;
	}
	chain(&before_bus, signal, info, context);
}

void twz_rt_fault(const struct twz_fault *fault)
{
	if (program_resolves(fault))
		return;
	tell(fault, 0);
	default_action(SIGSEGV);
	raise(SIGSEGV);
}

int fault_init(void)
{
	struct sigaction segv = {.sa_sigaction = on_segv,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	struct sigaction bus = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_size = STACK_BYTES};

	stack.ss_sp =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return TWZ_E_NOMEM;
	/* A sanitizer may have given this thread one: it is too small for us. */
	if (sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &segv, &before_segv) ||
	    sigaction(SIGBUS, &bus, &before_bus))
		die(125, "cannot handle faults: %s", strerror(errno));
	return 0;
}
