/*
 * untrusted.c - a program with private data, and a library that it does not trust.
 *
 * The program acts in one context, its library in another (contexts.h). Nothing below calls a gate: the calls of
 * library_... are plain ones. The first instruction of the library is what the program's context may not
 * execute, so the kernel looks for a context that lists a gate there, and goes over; the library's return leads
 * back. What the library tries and may not ends its call: the program is told, and goes on.
 */
#include "bin/common/program.h"
#include "bin/untrusted/contexts.h"
#include "bin/untrusted/library/library.h"

static const char help[] =
	"usage: untrusted\n"
	"\n"
	"Shows a program that uses a library which it does not trust: each acts in a context of "
	"its own.\n"
	"The program calls the library, and the library calls the program back, by jumps that the "
	"kernel\n"
	"turns into crossings of gates. Then the library tries what it must not do: the kernel "
	"says why it\n"
	"may not, its call fails, and the program goes on. Hosted on Linux there are no gates.\n"
	"\n"
	"exit status: 0 if all was as it must be, 1 if not, or if there are no gates, 2 usage "
	"error\n";

#define RATE 50
#define NUMBERS 8u
#define SUM 36

static struct sandbox sandbox;

/* In the memory that both may touch: what the library works on. */
struct shared {
	int64_t number[NUMBERS];
	int64_t sum;
	uint8_t code[16];
};

static struct shared *shared(void)
{
	return twz_obj_data(&sandbox.heap);
}

/* The private data: what each unit costs. */
static int64_t *rate(void)
{
	return twz_obj_data(&sandbox.private);
}

static int64_t total; /* in the program's memory */

/* What the library may call, and nothing else of the program. It runs in the program's context. */
static int64_t charge(int64_t number)
{
	struct twz_rt_caller caller;
	int error = twz_rt_gate_caller(&caller);

	if (!error && !twz_id_equal(caller.context, sandbox.library.id))
		error = TWZ_E_RIGHT;
	if (!error)
		total += number * *rate();
	return error;
}

/* What it must not call. */
static int64_t give_away(int64_t number)
{
	return *rate() + number;
}

/* ---- the steps ------------------------------------------------------------------------------------- */

static int64_t sum(void)
{
	return library_sum(shared()->number, NUMBERS);
}

static int64_t sum_to_heap(void)
{
	int64_t result = library_sum_to(shared()->number, NUMBERS, &shared()->sum);

	return result ? result : shared()->sum;
}

static int64_t call_back(void)
{
	int64_t result = library_each(shared()->number, NUMBERS, charge);

	return result ? result : total;
}

static int64_t peek_at_private(void)
{
	return library_peek(rate());
}

static int64_t look_at_private(void)
{
	return *rate();
}

static int64_t peek_at_text(void)
{
	return library_peek((const int64_t *)give_away);
}

/* DAMAGED: what the library stored is there. */
static int64_t poke(int64_t *at)
{
	const int64_t before = *at;
	const int64_t result = library_poke(at, ~before);

	return *(volatile int64_t *)at == before ? result : TWZ_E_DAMAGED;
}

static int64_t poke_at_private(void)
{
	return poke(rate());
}

static int64_t poke_at_data(void)
{
	return poke(&total);
}

static int64_t poke_at_stack(void)
{
	int64_t local = 1;

	return poke(&local);
}

static int64_t poke_at_itself(void)
{
	return library_poke((int64_t *)(sandbox.functions.base + sandbox.functions.start), 0);
}

static int64_t jump_elsewhere(void)
{
	return library_jump(give_away);
}

static int64_t jump_beside(void)
{
	return library_jump((int64_t(*)(int64_t))((uint64_t)charge + 1));
}

static int64_t run_heap(void)
{
	return library_write_and_run(shared()->code);
}

static const struct step {
	const char *what;
	int64_t (*run)(void);
	int64_t expected;
} steps[] = {
	{"The program reads its private data", look_at_private, RATE},
	{"The program calls the library, which adds up what it was given", sum, SUM},
	{"The library reads the private data", peek_at_private, TWZ_E_CALLEE},
	{"The program reads its private data", look_at_private, RATE},
	{"The library calls the program back, which uses its private data", call_back, SUM *RATE},
	{"The library stores to its heap", sum_to_heap, SUM},
	{"The library stores to the private data", poke_at_private, TWZ_E_CALLEE},
	{"The library stores to the program's data", poke_at_data, TWZ_E_CALLEE},
	{"The library stores to the program's stack", poke_at_stack, TWZ_E_CALLEE},
	{"The library stores to its own text", poke_at_itself, TWZ_E_CALLEE},
	{"The library reads the program's text", peek_at_text, TWZ_E_CALLEE},
	{"The library jumps to another function of the program", jump_elsewhere, TWZ_E_CALLEE},
	{"The library jumps into the function that it may call", jump_beside, TWZ_E_CALLEE},
	{"The library runs what it wrote into its heap", run_heap, TWZ_E_CALLEE},
	{"The program calls the library again", sum, SUM},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* A status. What the kernel says while it runs comes between the lines. */
static int show(const struct step *step)
{
	int64_t result;

	twz_print("%s:\n", step->what);
	twz_flush();
	result = step->run();
	if (result < 0)
		twz_print("    %s: %s\n", twz_error_name((int)result), twz_error_text((int)result));
	else
		twz_print("    %lld\n", (long long)result);
	return result == step->expected ? STATUS_OK : fail(step->what, "this must not be so");
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status;

	program_begin(help, options, 0, 0, &argc, argv);
	status = sandbox_enter(&sandbox, charge);
	if (status)
		program_end(status);
	*rate() = RATE;
	for (unsigned i = 0; i < NUMBERS; i++)
		shared()->number[i] = i + 1;
	for (unsigned i = 0; i < STEPS; i++)
		status |= show(&steps[i]);
	program_end(status);
}
