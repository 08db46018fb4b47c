/*
 * decision.c - what the decision on rights (core/right.h) costs the first time, with all verdicts known.
 *
 * The contexts lie in memory, and the callbacks answer at once, so that what is counted is the decision.
 * An undetachable context limits it. How signatures are verified, and what the kernel adds: bench rights.
 */
#include <stdlib.h>

#include "abi/object.h"
#include "bench/lib/count.h"
#include "bench/lib/figure.h"
#include "core/cap.h"
#include "core/right.h"

#define PAGES 16u
#define ENTRIES 8u
#define CAPS TWZ_PAGE /* where the runs are put */
#define CHAIN (TWZ_CAP_DEPTH_MAX + 1)

enum { OBJECT = 1, SELF, OTHER, KEY, KEY_OF_SELF };

struct memory {
	_Alignas(TWZ_PAGE) uint8_t data[PAGES * TWZ_PAGE];
};

static struct memory active_data, limit_data;
static struct right_context active, limit;

static struct twz_id id(uint64_t n)
{
	return (struct twz_id){.lo = n * 0x9e3779b97f4a7c15, .hi = ~n * 0xd6e8feb86659fd93};
}

/* ---- what the decision calls -------------------------------------------------------------------------- */

static const void *at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	(void)bytes;
	return (const uint8_t *)context->arg + (offset - TWZ_OBJ_DATA);
}

static enum right_verdict good(void *arg, const struct twz_cap *cap)
{
	(void)arg;
	(void)cap;
	return RIGHT_GOOD;
}

/* The last that is asked for, of a chain of any depth. */
static enum right_verdict bad_root(void *arg, const struct twz_cap *cap)
{
	(void)arg;
	return cap->depth ? RIGHT_GOOD : RIGHT_BAD;
}

static enum right_verdict kept(void *arg, const struct twz_cap *link, const struct twz_cap *parent)
{
	(void)arg;
	(void)link;
	(void)parent;
	return RIGHT_GOOD;
}

static bool context_key(void *arg, struct twz_id context, struct twz_id *key)
{
	(void)arg;
	(void)context;
	*key = id(KEY_OF_SELF);
	return true;
}

/* ---- contexts ----------------------------------------------------------------------------------------- */

static void empty(struct memory *m, struct right_context *context, uint64_t self)
{
	*m = (struct memory){0};
	*context = (struct right_context){
		.id = id(self), .bytes = sizeof(m->data), .at = at, .arg = m->data};
	*(struct twz_context *)m->data =
		(struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
				     .version = 1,
				     .global_mask = TWZ_PERM_ALL,
				     .table = TWZ_OBJ_DATA + sizeof(struct twz_context),
				     .nentries = ENTRIES};
	right_open(context);
}

/* The active context's run of `count` records for the target: chains of this depth, sound. */
static void hold(uint64_t target, uint32_t depth, uint32_t count, uint64_t off)
{
	struct twz_context_entry *table = (void *)(active_data.data + sizeof(struct twz_context));
	struct twz_cap *run = (void *)(active_data.data + off);
	uint64_t i = (id(target).lo ^ id(target).hi) % ENTRIES;

	while (table[i].kind)
		i = (i + 1) % ENTRIES;
	table[i] =
		(struct twz_context_entry){id(target), TWZ_CONTEXT_CAP, count, TWZ_OBJ_DATA + off};
	for (uint32_t n = count; n--;) {
		uint32_t above = depth - n % (depth + 1);

		run[n] = (struct twz_cap){.magic = TWZ_CAP_MAGIC,
					  .version = 1,
					  .alg = TWZ_ALG_ED25519,
					  .perms = TWZ_PERM_ALL,
					  .flags = TWZ_CAP_KEY | TWZ_CAP_DELEGATE,
					  .target = id(KEY),
					  .accessor = id(SELF),
					  .signer = id(above ? KEY_OF_SELF : KEY),
					  .depth = above,
					  .expires = 2000};
		if (above)
			cap_hash(run[n].parent, &run[n + 1]);
	}
}

/* ---- counting ----------------------------------------------------------------------------------------- */

static struct right_query query;

static void decide(void *arg)
{
	right_decide(&query, arg);
}

static struct right_answer measure(const char *name, double most)
{
	struct right_answer answer;

	decide(&answer);
	figure(name, (double)count_run(decide, &answer).instructions, "instructions", most);
	return answer;
}

static void must(bool right)
{
	if (right)
		return;
	fprintf(stderr, "bench decision: it is wrong\n");
	exit(1);
}

static struct right_query usual(void)
{
	static const struct right_context *limits[] = {&limit};

	empty(&limit_data, &limit, OTHER);
	empty(&active_data, &active, SELF);
	return (struct right_query){.object = id(OBJECT),
				    .key = id(KEY),
				    .now = 1000,
				    .active = &active,
				    .limits = limits,
				    .nlimits = 1,
				    .verdict = good,
				    .context_key = context_key};
}

int main(void)
{
	query = usual();
	must(!measure("decision, nothing is given", 0).effective);
	hold(KEY, 0, 1, CAPS);
	must(measure("decision, a capability for the key", 450).effective == TWZ_PERM_ALL);
	query = usual();
	hold(KEY, 1, 2, CAPS);
	must(measure("decision, a delegation", 0).effective == TWZ_PERM_ALL);
	query.parent = kept;
	must(measure("decision, a delegation, its parent known", 680).effective == TWZ_PERM_ALL);
	query = usual();
	query.parent = kept;
	query.verdict = bad_root;
	hold(OBJECT, TWZ_CAP_DEPTH_MAX, RIGHT_CANDIDATES * CHAIN, CAPS);
	hold(KEY, TWZ_CAP_DEPTH_MAX, RIGHT_CANDIDATES * CHAIN, CAPS + 7 * TWZ_PAGE);
	must(!measure("decision, as many chains as are looked at, all forged", 0).granted);
	return 0;
}
