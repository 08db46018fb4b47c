/*
 * fault.c - attempts that may fault (test.h).
 *
 * A thread that attempts something is on the list, by its number. At its fault the handler leaves by
 * thread_resume, so that the kernel knows that it is done, to a function that goes on behind the
 * attempt.
 */
#include "tests/guest/test.h"

#define STACK_ROOM 512u /* below the attempt's frame: what may lie there of it is given up */

struct attempt {
	struct attempt *next;
	uint32_t thread;
	struct twz_fault fault;
	void *back[5]; /* frame, where to go on, stack */
};
static struct attempt *attempts;
static uint32_t lock;

static void lock_take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static void lock_give(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static void remove(const struct attempt *attempt)
{
	struct attempt **link = &attempts;

	lock_take();
	while (*link != attempt)
		link = &(*link)->next;
	*link = attempt->next;
	lock_give();
}

static _Noreturn void go_back(struct attempt *attempt)
{
	__builtin_longjmp(attempt->back, 1);
}

static bool on_fault(const struct twz_fault *fault, void *arg)
{
	uint32_t self = (uint32_t)SYS(self, 0);
	struct twz_upcall leave = {.registers.rip = (uint64_t)go_back};
	struct attempt *a;

	(void)arg;
	lock_take();
	for (a = attempts; a && a->thread != self; a = a->next)
		;
	lock_give();
	if (!a)
		return false;
	a->fault = *fault;
	leave.registers.rdi = (uint64_t)a;
	leave.registers.rsp = (((uint64_t)a->back[2] - STACK_ROOM) & ~15ull) - sizeof(uint64_t);
	SYS(thread_resume, &leave);
	return false;
}

void test_attempt(struct twz_fault *fault, void (*attempt)(void *arg), void *arg)
{
	struct attempt a = {.thread = (uint32_t)SYS(self, 0)};

	twz_rt_on_fault(on_fault, NULL);
	lock_take();
	a.next = attempts;
	attempts = &a;
	lock_give();
	if (!__builtin_setjmp(a.back))
		attempt(arg);
	remove(&a);
	*fault = a.fault;
}

static void load(void *address)
{
	(void)*(const volatile uint8_t *)address;
}

static void store(void *address)
{
	*(volatile uint8_t *)address = 0xc3; /* ret */
}

static void jump(void *address)
{
	((void (*)(void))address)();
}

struct twz_fault test_load(const void *address)
{
	struct twz_fault fault;

	test_attempt(&fault, load, (void *)(uintptr_t)address);
	return fault;
}

struct twz_fault test_store(void *address)
{
	struct twz_fault fault;

	test_attempt(&fault, store, address);
	return fault;
}

struct twz_fault test_jump(const void *address)
{
	struct twz_fault fault;

	test_attempt(&fault, jump, (void *)(uintptr_t)address);
	return fault;
}
