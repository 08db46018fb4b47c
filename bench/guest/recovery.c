/*
 * recovery.c - from the power cut to the recovered program. Started with a name, it registers, says
 * so, and waits for the plug to be pulled. Brought back, it writes down when it was entered; then
 * `recovery --await NAME` prints that.
 */
#include <string.h>
#include <twz/name.h>

#include "bench/guest/lib/measure.h"

struct entered {
	uint64_t at;
	uint32_t done;
};

static _Noreturn void sleep_for_ever(void)
{
	const uint32_t never = 0;

	for (;;)
		twz_rt_wait(&never, 0, ~0ull);
}

static void again(uint64_t arg)
{
	uint64_t at = now();
	struct entered *entered = (struct entered *)arg;

	entered->at = at;
	__atomic_store_n(&entered->done, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&entered->done, 1);
	must(twz_rt_unregister(), "unregister");
}

static struct entered *make(const char *name)
{
	const struct twz_new new = {.ending = true, .bytes = sizeof(struct entered)};
	struct twz_obj obj;

	must(twz_obj_new(&new, &obj), "a new object");
	must(twz_obj_sync(&obj), "sync");
	must(twz_name_publish(name, obj.id, 0), name);
	return twz_obj_data(&obj);
}

static void await(const char *name)
{
	const struct entered *entered;
	struct twz_obj obj;

	must(twz_name_open(name, &obj), name);
	entered = twz_obj_data(&obj);
	while (!__atomic_load_n(&entered->done, __ATOMIC_ACQUIRE))
		twz_rt_wait(&entered->done, 0, ~0ull);
	figure("recovered", entered->at - usage_now().entry_cycles);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--await")) {
		await(argv[2]);
		return 0;
	}
	if (argc != 2)
		must(TWZ_E_ARG, "recovery NAME, or recovery --await NAME");
	must(twz_rt_register(again, (uint64_t)make(argv[1])), "register");
	twz_print("registered\n");
	twz_flush();
	sleep_for_ever();
}
