/* hostile.c - the library (hostile.h). */
#include "abi/program.h"
#include "rt/minimal/sys.h"
#include "tests/attack/hostile/hostile.h"

static void faulted(const struct twz_upcall *upcall)
{
	SYS(gate_return, upcall->error, 0);
}

TWZ_LIBRARY_FUNCTION(hostile_handler);
int64_t hostile_handler(void)
{
	return (int64_t)faulted;
}

TWZ_LIBRARY_FUNCTION(hostile_load);
int64_t hostile_load(const uint8_t *at)
{
	(void)*(const volatile uint8_t *)at;
	return 0;
}

TWZ_LIBRARY_FUNCTION(hostile_store);
int64_t hostile_store(uint8_t *at)
{
	*at = 0;
	return 0;
}

TWZ_LIBRARY_FUNCTION(hostile_jump);
int64_t hostile_jump(uint64_t to, uint64_t argument)
{
	return ((int64_t(*)(uint64_t))to)(argument);
}

TWZ_LIBRARY_FUNCTION(hostile_return);
__attribute__((naked)) int64_t hostile_return(uint64_t to __attribute__((unused)))
{
	__asm__("mov %rdi, (%rsp)\n\t"
		"ret");
}

TWZ_LIBRARY_FUNCTION(hostile_syscall);
int64_t hostile_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return sys_call(number, a, b, c, d, e, 0);
}

TWZ_LIBRARY_FUNCTION(hostile_gate);
int64_t hostile_gate(uint64_t lo, uint64_t hi, uint64_t entry)
{
	const struct twz_sys_gate gate = {
		.context = {lo, hi}, .entry = (uint32_t)entry, .timeout_ns = ~0ull};

	return SYS(gate_call, 1, 0, 0, 0, 0, &gate);
}

TWZ_LIBRARY_FUNCTION(hostile_thread);
int64_t hostile_thread(uint64_t lo, uint64_t hi, uint64_t flags)
{
	const struct twz_sys_thread new = {.context = {lo, hi},
					   .entry = TWZ_PAGE,
					   .flags = (uint32_t)flags,
					   .name = "hostile"};
	struct twz_id thread;

	return SYS(thread_new, &new, &thread);
}

TWZ_LIBRARY_FUNCTION(hostile_handled);
int64_t hostile_handled(uint64_t entry, const uint8_t *at)
{
	uint8_t stack[4096];
	int64_t error = SYS(thread_handler, entry, stack + sizeof(stack), sizeof(stack));

	return error ? error : *(const volatile uint8_t *)at;
}

TWZ_LIBRARY_FUNCTION(hostile_forever);
int64_t hostile_forever(uint32_t *inside)
{
	for (__atomic_store_n(inside, 1, __ATOMIC_RELEASE);;)
		__builtin_ia32_pause();
}
