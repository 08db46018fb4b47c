/*
 * echo.c - the service that tests call (tests/guest/echo.h).
 *
 *     echo CONTEXT NSTACKS FLAGS
 */
#include <string.h>
#include <twz/twz.h>

#include "tests/guest/echo.h"

static uint32_t ends;

static int64_t echo_none(const struct twz_caller *caller)
{
	(void)caller;
	return 0;
}

static int64_t echo_one(const struct twz_caller *caller, uint64_t a)
{
	(void)caller;
	return (int64_t)(100 + a);
}

static int64_t echo_two(const struct twz_caller *caller, uint64_t a, uint64_t b)
{
	(void)caller;
	return (int64_t)(200 + a + 2 * b);
}

static int64_t echo_three(const struct twz_caller *caller, uint64_t a, uint64_t b, uint64_t c)
{
	(void)caller;
	return (int64_t)(300 + a + 2 * b + 3 * c);
}

static int64_t echo_four(const struct twz_caller *caller, uint64_t a, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)caller;
	return (int64_t)(400 + a + 2 * b + 3 * c + 4 * d);
}

static int64_t echo_five(const struct twz_caller *caller, uint64_t a, uint64_t b, uint64_t c,
			 uint64_t d, uint64_t e)
{
	(void)caller;
	return (int64_t)(500 + a + 2 * b + 3 * c + 4 * d + 5 * e);
}

static int64_t echo_who(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	struct echo_who who = {.given = caller->context};
	int error = twz_rt_gate_caller(&who.caller);

	return error ? error : twz_gate_write((struct twz_id){lo, hi}, off, sizeof(who), &who);
}

static int64_t echo_upper(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off,
			  uint64_t bytes)
{
	const struct twz_id id = {lo, hi};
	char text[4096];
	int error;

	(void)caller;
	if (bytes > sizeof(text))
		return TWZ_E_ARG;
	error = twz_gate_read(id, off, bytes, text);
	if (error)
		return error;
	for (uint64_t i = 0; i < bytes; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	return twz_gate_write(id, off, bytes, text);
}

static int64_t echo_sum(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	struct echo_sum copy;
	uint64_t sum = 0;
	int error = twz_gate_read((struct twz_id){lo, hi}, off, sizeof(copy), &copy);

	(void)caller;
	if (error)
		return error;
	if (copy.count > ECHO_NUMBERS)
		return TWZ_E_ARG;
	for (uint64_t i = 0; i < copy.count; i++) {
		if (copy.number[i] >> 32 != (uint32_t)copy.number[i])
			return TWZ_E_DAMAGED;
		sum += copy.number[i] >> 32;
	}
	return (int64_t)sum;
}

static int64_t echo_hold(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	struct echo_hold *hold;
	struct twz_obj obj;
	int error = twz_gate_open((struct twz_id){lo, hi}, TWZ_READ | TWZ_WRITE, &obj);

	(void)caller;
	if (error)
		return error;
	if (off > TWZ_SLOT_SIZE - sizeof(*hold) || off % 4)
		return TWZ_E_ARG;
	hold = (struct echo_hold *)(obj.base + off);
	__atomic_add_fetch(&hold->inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&hold->go, __ATOMIC_ACQUIRE))
		twz_rt_wait(&hold->go, 0, ~0ull);
	return 0;
}

static volatile int zero;

static __attribute__((noinline)) uint64_t deep(uint64_t n)
{
	volatile uint8_t room[1024];

	room[n % sizeof(room)] = (uint8_t)n;
	return n ? deep(n - 1) + room[0] : 0;
}

static int64_t echo_fail(const struct twz_caller *caller, uint64_t how)
{
	(void)caller;
	switch (how) {
	case 'n':
		return *(volatile int *)(uintptr_t)zero;
	case 'd':
		__asm__ volatile("divl %0" : : "m"(zero) : "rax", "rdx");
		return 0;
	case 's':
		return (int64_t)deep(1 << 20);
	case 'e':
		twz_rt_exit(0);
	case 'i':
		__asm__ volatile("ud2");
	}
	return 0;
}

static int64_t call_on(struct twz_service *next, uint64_t n)
{
	struct twz_buffer buffer;
	int64_t result = twz_buffer_take(next, n, &buffer);
	const uint8_t *text = buffer.data;

	if (result)
		return result;
	memset(buffer.data, 'x', n);
	result = TWZ_CALL(next, echo_upper, TWZ_BUFFER_ARGS(&buffer), n);
	for (uint64_t i = 0; !result && i < n; i++)
		if (text[i] != 'X')
			result = TWZ_E_DAMAGED;
	twz_buffer_give(next, &buffer);
	return result ? result : TWZ_CALL(next, echo_one, n);
}

static int64_t echo_pass(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t n)
{
	struct twz_service next;
	int64_t result = twz_service_at((struct twz_id){lo, hi}, ECHO_VERSION, &next);

	(void)caller;
	if (result)
		return result;
	result = call_on(&next, n);
	twz_service_close(&next);
	return result;
}

static int64_t echo_load(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	struct twz_obj obj;
	void *number;
	int error = twz_gate_open((struct twz_id){lo, hi}, TWZ_READ, &obj);

	(void)caller;
	if (!error && (off > TWZ_SLOT_SIZE - sizeof(uint64_t) || off % sizeof(uint64_t)))
		error = TWZ_E_ARG;
	if (!error)
		error = twz_gate_follow((const uint64_t *)(obj.base + off), TWZ_READ, &number);
	if (error)
		return error;
	return number ? (int64_t) * (const uint64_t *)number : 0;
}

/* In a transaction. */
static int change(struct twz_obj *obj)
{
	uint64_t *word = twz_obj_data(obj);
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	twz_tx_set(&tx, word, *word + 7);
	error = twz_tx_commit(&tx);
	return error ? error : *word == 7 ? 0 : TWZ_E_DAMAGED;
}

static int64_t echo_work(const struct twz_caller *caller)
{
	const uint32_t never = 0;
	uint64_t before = twz_rt_time_ns();
	struct twz_obj obj;
	int error = twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 64}, &obj);

	(void)caller;
	if (error)
		return error;
	error = change(&obj);
	if (error)
		return error;
	error = twz_obj_delete(obj.id);
	if (!error)
		error = twz_obj_recycle(&obj);
	if (error)
		return error;
	if (twz_rt_wait(&never, 0, 2000000) != TWZ_E_TIMEOUT || twz_rt_time_ns() - before < 2000000)
		return 1;
	twz_print("echo works\n");
	return twz_flush();
}

static int64_t echo_mark(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off,
			 uint64_t number)
{
	(void)caller;
	return twz_gate_write((struct twz_id){lo, hi}, off, sizeof(number), &number);
}

static int64_t echo_end(const struct twz_caller *caller)
{
	(void)caller;
	__atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&ends, ~0u);
	return 0;
}

TWZ_SERVICE(echo, ECHO_VERSION, ECHO_CALLS)

/* What is refused is refused before anything is done. */
static bool refuses(struct twz_id context)
{
	char copy[8];

	return twz_serve(&echo_service, twz_rt_info()->root, 1, 0) == TWZ_E_TYPE &&
	       twz_serve(&echo_service, context, 0, 0) == TWZ_E_ARG &&
	       twz_serve(&echo_service, context, TWZ_GATE_STACKS_MAX + 1, 0) == TWZ_E_ARG &&
	       twz_serve(&echo_service, context, 1, TWZ_GATE_IN_PLACE) == TWZ_E_ARG &&
	       twz_gate_read(context, TWZ_OBJ_DATA, sizeof(copy), copy) == TWZ_E_NOTFOUND &&
	       twz_gate_write(context, TWZ_OBJ_DATA, sizeof(copy), copy) == TWZ_E_NOTFOUND &&
	       twz_rt_gate_return(0) == TWZ_E_NOTFOUND;
}

int main(int argc, char **argv)
{
	struct twz_id context;
	uint32_t nstacks = 0;
	int error;

	if (argc != 4 || twz_id_parse(argv[1], &context))
		return 2;
	for (const char *p = argv[2]; *p; p++)
		nstacks = nstacks * 10 + (uint32_t)(*p - '0');
	if (!refuses(context))
		return 3;
	error = twz_serve(&echo_service, context, nstacks, (uint32_t)(argv[3][0] - '0'));
	if (error) {
		twz_warn("echo: %s\n", twz_error_text(error));
		return 4;
	}
	if (twz_serve(&echo_service, context, nstacks, 0) != TWZ_E_EXISTS)
		return 5;
	while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE))
		twz_rt_wait(&ends, 0, ~0ull);
	return 0;
}
