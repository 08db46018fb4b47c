/*
 * service.c - calls of a service by libtwz: the crossing, the entry, the function; and what a service reads
 * from a buffer. The program is the service and calls itself.
 */
#include <twz/gate.h>

#include "bench/guest/lib/rights.h"

#define BYTES 64u /* that are read */
#define ITSELF_CALLS(X) X(itself, 0, add) X(itself, 1, read)
TWZ_CALLS(ITSELF_CALLS)
#define ITSELF_VERSION TWZ_VERSION(1, 0)

static int64_t itself_add(const struct twz_caller *caller, uint64_t a, uint64_t b)
{
	(void)caller;
	return (int64_t)(a + b);
}

static int64_t itself_read(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	uint8_t copy[BYTES];

	(void)caller;
	return twz_gate_read((struct twz_id){lo, hi}, off, sizeof(copy), copy);
}

TWZ_SERVICE(itself, ITSELF_VERSION, ITSELF_CALLS)

static struct twz_service service;
static struct twz_buffer buffer;

static void call(unsigned i)
{
	TWZ_CALL(&service, itself_add, i, 1);
}

static void read_buffer(unsigned i)
{
	(void)i;
	TWZ_CALL(&service, itself_read, TWZ_BUFFER_ARGS(&buffer));
}

/* A context that may do all to what is made under its key. */
static struct twz_obj context_all(void)
{
	struct twz_secret secret;
	struct twz_obj context;
	struct twz_cap cap = {.perms = TWZ_PERM_ALL, .flags = TWZ_CAP_KEY};

	key_new(&secret, TWZ_PERM_ALL);
	context = context_new(secret.id);
	cap.target = secret.id;
	cap.accessor = context.id;
	must(twz_cap_sign(&cap, NULL, &secret), "sign");
	must(twz_context_add(&context, &cap, 1), "a capability");
	return context;
}

int main(void)
{
	const struct twz_obj context = context_all();

	must(twz_serve(&itself_service, context.id, 1, TWZ_GATE_PUBLIC), "twz_serve");
	must(twz_service_at(context.id, ITSELF_VERSION, &service), "twz_service_at");
	must(twz_buffer_take(&service, BYTES, &buffer), "twz_buffer_take");
	if (TWZ_CALL(&service, itself_add, 1, 2) != 3 ||
	    TWZ_CALL(&service, itself_read, TWZ_BUFFER_ARGS(&buffer)))
		must(TWZ_E_IO, "a call");
	figure("service_call", measure(call, REPEATS).median);
	figure("service_read", measure(read_buffer, REPEATS).median);
	return 0;
}
