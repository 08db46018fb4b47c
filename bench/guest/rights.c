/*
 * rights.c - what rights cost: the first use of a capability, decisions that are kept and such that are
 * not, making objects under a key, publishing.
 */
#include <string.h>

#include "bench/guest/lib/rights.h"
#include "core/cap.h"

#define FIRST 1024u /* slots from here on are not libtwz's */
#define MANY (WARM + FEW)
#define FEW 101u

static struct twz_id object[MANY]; /* each for one repetition */
static struct twz_cap cap[MANY];
static struct twz_secret stranger;

static void call(unsigned i)
{
	must(SYS(object_sync, ID(object[i])), "sync");
}

static void load(unsigned i)
{
	(void)*(volatile uint8_t *)map(FIRST + i, object[i]);
}

static void unmap_all(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		view_enter(view_own(), FIRST + i, (struct twz_id){0}, 0, 0);
	must(SYS(view_invalidate, FIRST, MANY), "view_invalidate");
}

/* ---- the first use of a capability --------------------------------------------------------------- */

static void verify(unsigned i)
{
	if (!cap_verify(&cap[i], stranger.key))
		must(TWZ_E_RIGHT, "a signature");
}

/* Objects under the stranger's key, each with a capability of its own that nobody has used yet. */
static void make_strangers(uint32_t flags)
{
	const struct twz_obj own = context_own();

	for (unsigned i = 0; i < MANY; i++) {
		object[i] = object_under(stranger.id, flags);
		cap[i] = give(&own, &stranger, object[i], TWZ_READ, 0);
	}
	publish(&own);
}

static void measure_first_use(void)
{
	make_strangers(TWZ_OBJECT_ENDING);
	figure("verify", measure(verify, FEW).median);
	figure("first_touch", measure(load, FEW).median);
	unmap_all();
	make_strangers(TWZ_OBJECT_VOLATILE);
	figure("first_call", measure(call, FEW).median);
}

/* ---- decisions ----------------------------------------------------------------------------------- */

static void make_own(struct twz_id key)
{
	for (unsigned i = 0; i < MANY; i++)
		object[i] = object_under(key, TWZ_OBJECT_VOLATILE);
}

static void publish_own(unsigned i)
{
	const struct twz_obj own = context_own();

	(void)i;
	publish(&own);
}

/* The same call on the same objects: what the first takes more is the decision. */
static void measure_decisions(void)
{
	uint64_t cold, kept;

	make_own(minimal.sys.key);
	cold = measure(call, FEW).median;
	kept = measure(call, FEW).median;
	figure("call_kept", kept);
	figure("decision", cold - kept);
	figure("decision_published", measure_after(publish_own, call, FEW).median - kept);
	figure("publish", measure(publish_own, FEW).median);
}

/* ---- making objects ------------------------------------------------------------------------------ */

static void create(uint32_t flags, bool key)
{
	const struct twz_sys_new new = {.type = TWZ_TYPE_DATA,
					.perms = OBJECT_PERMS,
					.key = key ? minimal.sys.key : (struct twz_id){0},
					.flags = flags,
					.page = DATA_PAGE,
					.npages = 1};
	struct twz_id id;

	must(SYS(object_new, &new, &id), "a new object");
}

static void create_nvm(unsigned i)
{
	(void)i;
	create(0, false);
}

static void create_nvm_key(unsigned i)
{
	(void)i;
	create(0, true);
}

static void create_dram(unsigned i)
{
	(void)i;
	create(TWZ_OBJECT_VOLATILE, false);
}

static void create_dram_key(unsigned i)
{
	(void)i;
	create(TWZ_OBJECT_VOLATILE, true);
}

static void measure_create(void)
{
	figure("create", measure(create_nvm, FEW).median);
	figure("create_key", measure(create_nvm_key, FEW).median);
	figure("create_dram", measure(create_dram, FEW).median);
	figure("create_dram_key", measure(create_dram_key, FEW).median);
}

/* ---- for the trace of bench/rights.sh ------------------------------------------------------------- */

/* Nothing but decisions that are kept. */
static void call_many(void)
{
	object[0] = object_under(minimal.sys.key, TWZ_OBJECT_VOLATILE);
	for (unsigned i = 0; i < 1000; i++)
		call(0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--calls")) {
		call_many();
		return 0;
	}
	if (argc != 1)
		must(TWZ_E_ARG, "rights, or rights --calls");
	measure_create();
	key_new(&stranger, TWZ_USE);
	measure_first_use();
	measure_decisions();
	return 0;
}
