/* right_test.c - contexts and capabilities as the library makes them, read as the decision reads them. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/cap.h"
#include "core/gate.h"
#include "core/right.h"
#include "tests/home/home.h"

static struct twz_secret owner, other;
static struct twz_obj context, other_context; /* made under these */

static struct twz_id number(uint64_t n)
{
	return (struct twz_id){n * 0x9e3779b97f4a7c15, n * 0xc2b2ae3d27d4eb4f};
}

/* ---- the decision, over a mapped context; signatures count as right ------------------------------ */

static const void *mapped_at(const struct right_context *c, uint64_t offset, uint64_t bytes)
{
	(void)bytes;
	return (const uint8_t *)c->arg + offset;
}

static enum right_verdict good(void *arg, const struct twz_cap *cap)
{
	(void)arg;
	(void)cap;
	return RIGHT_GOOD;
}

static bool key_of(void *arg, struct twz_id id, struct twz_id *key)
{
	(void)arg;
	*key = twz_id_equal(id, context.id) ? owner.id : other.id;
	return true;
}

static struct right_context published(const struct twz_obj *obj)
{
	struct right_context open = {
		.id = obj->id, .bytes = twz_obj_size(obj), .at = mapped_at, .arg = obj->base};

	right_open(&open);
	return open;
}

static struct right_answer decide(const struct twz_obj *obj, struct twz_id object, uint64_t now)
{
	struct right_context active = published(obj);
	struct right_query query = {.object = object,
				    .key = owner.id,
				    .now = now,
				    .active = &active,
				    .verdict = good,
				    .context_key = key_of};
	struct right_answer answer;

	right_decide(&query, &answer);
	return answer;
}

/* ---- making things -------------------------------------------------------------------------------- */

static struct twz_cap root_for(struct twz_id object, struct twz_id accessor, uint32_t perms)
{
	struct twz_cap cap = {.perms = perms, .target = object, .accessor = accessor};

	MUST(twz_cap_sign(&cap, NULL, &owner));
	return cap;
}

static void fresh(struct twz_obj *obj)
{
	MUST(twz_context_make(
		&(struct twz_context_new){.key = owner.id, .global_mask = TWZ_PERM_ALL}, obj));
}

/* Without the signing, which takes most of the time. */
static struct twz_cap plain_for(struct twz_id object, uint64_t serial)
{
	return (struct twz_cap){.magic = TWZ_CAP_MAGIC,
				.version = 1,
				.alg = TWZ_ALG_ED25519,
				.perms = TWZ_READ,
				.target = object,
				.accessor = context.id,
				.signer = owner.id,
				.serial = serial};
}

static int count_items(const struct twz_context_item *item, void *arg)
{
	((unsigned *)arg)[item->chain != NULL]++;
	return 0;
}

/* Fewer entries in a row than a decision goes through, whatever it looks for. */
static void assert_reach(const struct twz_obj *obj)
{
	const struct twz_context *head = twz_obj_data(obj);
	const struct twz_context_entry *table =
		(const struct twz_context_entry *)(obj->base + head->table);
	uint64_t row = 0, used = 0;

	for (uint64_t i = 0; i < 2 * head->nentries; i++) {
		row = table[i & (head->nentries - 1)].kind ? row + 1 : 0;
		used += i < head->nentries && row;
		assert_true(head->nentries <= RIGHT_PROBES || row < RIGHT_PROBES);
	}
	assert_int_equal(used, head->nused);
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void a_new_context_is_empty_and_strict(void **state)
{
	struct twz_rt_stat stat;
	struct twz_obj obj, again;
	unsigned counts[2] = {0, 0};

	(void)state;
	MUST(twz_context_make(&(struct twz_context_new){.key = owner.id,
							.global_mask = TWZ_READ,
							.undetachable = true,
							.ending = true},
			      &obj));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_int_equal(stat.identity.type, TWZ_TYPE_CONTEXT);
	assert_int_equal(stat.identity.perms, 0);
	assert_true(twz_id_equal(stat.identity.key, owner.id));
	assert_int_not_equal(stat.end_epoch, 0);
	assert_int_equal(((struct twz_context *)twz_obj_data(&obj))->flags, 1);
	MUST(twz_context_each(&obj, count_items, counts));
	assert_int_equal(counts[0] + counts[1], 0);
	MUST(twz_context_open(obj.id, &again));
	assert_ptr_equal(obj.base, again.base);
	assert_int_equal(decide(&obj, number(1), 1).effective, 0);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
	assert_int_equal(twz_context_make(&(struct twz_context_new){.perms = 64}, &obj), TWZ_E_ARG);
	assert_int_equal(twz_context_open(owner.id, &obj), TWZ_E_TYPE);
}

static void a_temporary_one_ends(void **state)
{
	const struct twz_context_new new = {.key = owner.id, .temporary = true};
	struct twz_rt_stat stat;
	struct twz_obj obj;

	(void)state;
	MUST(twz_context_make(&new, &obj));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_int_not_equal(stat.end_epoch, 0);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
}

static void a_capability_gives(void **state)
{
	struct twz_cap cap = root_for(number(1), context.id, TWZ_READ | TWZ_USE);
	struct right_answer answer;

	(void)state;
	MUST(twz_context_add(&context, &cap, 1));
	answer = decide(&context, number(1), 1);
	assert_int_equal(answer.effective, TWZ_READ | TWZ_USE);
	assert_memory_equal(context.base + answer.reason[0].cap, &cap, sizeof(cap));
	assert_int_equal(decide(&context, number(2), 1).effective, 0);
	MUST(twz_context_remove(&context, number(1)));
	assert_int_equal(twz_context_remove(&context, number(1)), TWZ_E_NOTFOUND);
	assert_int_equal(decide(&context, number(1), 1).effective, 0);
}

static void signatures_are_right(void **state)
{
	struct twz_cap cap = root_for(number(1), context.id, TWZ_READ);
	struct twz_secret changed = owner;

	(void)state;
	assert_true(cap_verify(&cap, owner.key));
	assert_false(cap_verify(&cap, other.key));
	MUST(twz_secret_check(&owner));
	changed.seed[0] ^= 1;
	assert_int_equal(twz_secret_check(&changed), TWZ_E_DAMAGED);
	changed = owner;
	changed.sealing = TWZ_SECRET_PASSPHRASE;
	assert_int_equal(twz_cap_sign(&cap, NULL, &changed), TWZ_E_RIGHT);
	changed.version = 2;
	assert_int_equal(twz_secret_check(&changed), TWZ_E_VERSION);
	changed.magic++;
	assert_int_equal(twz_secret_check(&changed), TWZ_E_TYPE);
}

/* What is sealed opens with its passphrase only, and as it was only; nothing is lost by trying. */
static void a_secret_opens_with_its_passphrase(void **state)
{
	struct twz_secret sealed = owner, changed;

	(void)state;
	MUST(twz_secret_seal(&sealed, "open sesame", 11, 1, 8192));
	assert_memory_not_equal(sealed.seed, owner.seed, sizeof(owner.seed));
	assert_int_equal(twz_secret_check(&sealed), TWZ_E_RIGHT);
	assert_int_equal(twz_secret_seal(&sealed, "x", 1, 1, 8192), TWZ_E_RIGHT);
	changed = sealed;
	assert_int_equal(twz_secret_unseal(&changed, "open sesamf", 11), TWZ_E_RIGHT);
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 10), TWZ_E_RIGHT);
	changed.seed[0] ^= 1;
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_RIGHT);
	changed = sealed;
	changed.ops = TWZ_SECRET_OPS + 1;
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_DAMAGED);
	changed.ops = 1;
	changed.memory = TWZ_SECRET_MEMORY + 1;
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_DAMAGED);
	changed.memory = 0; /* less than Argon2id takes */
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_NOMEM);
	changed = owner;
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_VERSION);
	changed.magic++;
	assert_int_equal(twz_secret_unseal(&changed, "open sesame", 11), TWZ_E_TYPE);
	changed = owner;
	assert_int_equal(twz_secret_seal(&changed, "x", 1, TWZ_SECRET_OPS + 1, 8192), TWZ_E_ARG);
	MUST(twz_secret_unseal(&sealed, "open sesame", 11));
	MUST(twz_secret_check(&sealed));
	assert_memory_equal(sealed.seed, owner.seed, sizeof(owner.seed));
}

static void a_delegation_brings_its_chain(void **state)
{
	struct twz_cap chain[2] = {{.perms = TWZ_READ, .target = number(5)}};

	(void)state;
	chain[1] = (struct twz_cap){.perms = TWZ_READ | TWZ_WRITE,
				    .flags = TWZ_CAP_DELEGATE,
				    .target = number(5),
				    .accessor = context.id};
	MUST(twz_cap_sign(&chain[1], NULL, &owner));
	chain[0].accessor = other_context.id;
	assert_null(twz_cap_refused(&chain[0], &chain[1]));
	MUST(twz_cap_sign(&chain[0], &chain[1], &owner));
	MUST(twz_context_add(&other_context, chain, 2));
	assert_int_equal(decide(&other_context, number(5), 1).effective, TWZ_READ);
	chain[0].perms = TWZ_DELETE;
	assert_string_equal(twz_cap_refused(&chain[0], &chain[1]), twz_right_text(RIGHT_WIDENED));
	chain[1].flags = 0;
	assert_string_equal(twz_cap_refused(&chain[0], &chain[1]),
			    twz_right_text(RIGHT_UNDELEGABLE));
	chain[1].depth = TWZ_CAP_DEPTH_MAX;
	assert_int_equal(twz_cap_sign(&chain[0], &chain[1], &owner), TWZ_E_LIMIT);
	MUST(twz_context_remove(&other_context, number(5)));
}

static void what_is_no_chain_is_refused(void **state)
{
	struct twz_cap cap[2] = {root_for(number(1), context.id, TWZ_READ)};
	unsigned counts[2] = {0, 0};

	(void)state;
	cap[1] = cap[0];
	assert_int_equal(twz_context_add(&context, cap, 0), TWZ_E_ARG);
	assert_int_equal(twz_context_add(&context, cap, 2), TWZ_E_ARG);
	assert_int_equal(twz_context_add(&context, cap, 10), TWZ_E_ARG);
	assert_int_equal(twz_context_add(&other_context, cap, 1), TWZ_E_ARG);
	cap->magic++;
	assert_int_equal(twz_context_add(&context, cap, 1), TWZ_E_ARG);
	MUST(twz_context_each(&context, count_items, counts));
	assert_int_equal(counts[1], 0);
}

static void as_many_chains_as_a_decision_looks_at(void **state)
{
	struct twz_obj obj = context;
	struct twz_cap cap;
	unsigned counts[2] = {0, 0};

	(void)state;
	for (unsigned i = 0; i < RIGHT_CANDIDATES; i++) {
		cap = plain_for(number(7), i);
		MUST(twz_context_add(&obj, &cap, 1));
		MUST(twz_context_add(&obj, &cap, 1)); /* twice is as once */
	}
	cap = plain_for(number(7), RIGHT_CANDIDATES);
	assert_int_equal(twz_context_add(&obj, &cap, 1), TWZ_E_LIMIT);
	MUST(twz_context_each(&obj, count_items, counts));
	assert_int_equal(counts[1], RIGHT_CANDIDATES);
	MUST(twz_context_remove(&obj, number(7)));
}

static void masks_limit(void **state)
{
	struct twz_cap cap = root_for(number(1), context.id, TWZ_PERM_ALL);
	struct right_context active;
	unsigned counts[2] = {0, 0};

	(void)state;
	MUST(twz_context_add(&context, &cap, 1));
	MUST(twz_context_global(&context, TWZ_READ));
	assert_int_equal(decide(&context, number(1), 1).effective, TWZ_READ);
	MUST(twz_context_mask(&context, number(1), TWZ_WRITE | TWZ_USE, TWZ_PERM_ALL & ~TWZ_READ));
	assert_int_equal(decide(&context, number(1), 1).effective, TWZ_WRITE | TWZ_USE);
	MUST(twz_context_mask(&context, number(1), 0, TWZ_READ | TWZ_WRITE)); /* in place */
	assert_int_equal(decide(&context, number(1), 1).effective, TWZ_READ);
	MUST(twz_context_each(&context, count_items, counts));
	assert_int_equal(counts[0], 1);
	MUST(twz_context_mask(&context, number(1), 0, TWZ_PERM_ALL));
	MUST(twz_context_mask(&context, number(1), 0, TWZ_PERM_ALL));
	active = published(&context);
	assert_int_equal(right_limit(&active, number(1)), TWZ_READ);
	MUST(twz_context_global(&context, TWZ_PERM_ALL));
	assert_int_equal(decide(&context, number(1), 1).effective, TWZ_PERM_ALL);
	assert_int_equal(twz_context_mask(&context, number(1), 0, 32), TWZ_E_ARG);
	assert_int_equal(twz_context_global(&context, 32), TWZ_E_ARG);
	MUST(twz_context_remove(&context, number(1)));
}

/* Among 5,000, with masks between them, removed in another order. */
static void every_one_is_found(void **state)
{
	const unsigned n = 5000;
	unsigned counts[2] = {0, 0};
	uint64_t heap;

	(void)state;
	for (unsigned i = 1; i <= n; i++) {
		struct twz_cap cap = plain_for(number(i), i);

		MUST(twz_context_add(&context, &cap, 1));
		if (i % 3 == 0)
			MUST(twz_context_mask(&context, number(i), 0, TWZ_WRITE));
		if ((i & (i - 1)) == 0)
			assert_reach(&context);
	}
	assert_reach(&context);
	MUST(twz_context_each(&context, count_items, counts));
	assert_int_equal(counts[1], n);
	assert_int_equal(counts[0], n / 3);
	for (unsigned i = 1; i <= n; i++) {
		assert_int_equal(decide(&context, number(i), 1).granted, TWZ_READ);
		assert_int_equal(decide(&context, number(i), 1).effective, i % 3 ? TWZ_READ : 0);
	}
	for (unsigned i = 1; i <= n; i++) { /* 7 and n have no common divisor */
		unsigned gone = i * 7 % n + 1;

		MUST(twz_context_remove(&context, number(gone)));
		assert_int_equal(decide(&context, number(gone), 1).granted, 0);
		if (i % 500 == 0) {
			assert_reach(&context);
			for (unsigned j = i + 1; j <= n; j++)
				assert_int_equal(decide(&context, number(j * 7 % n + 1), 1).granted,
						 TWZ_READ);
		}
	}
	/* What was given up is used again. */
	heap = ((struct twz_context *)twz_obj_data(&context))->heap;
	for (unsigned i = 0; i < 3 * n; i++) {
		struct twz_cap cap = plain_for(number(i + 1000000), i);

		MUST(twz_context_add(&context, &cap, 1));
		MUST(twz_context_remove(&context, number(i + 1000000)));
	}
	assert_in_range(((struct twz_context *)twz_obj_data(&context))->heap, TWZ_OBJ_DATA, heap);
	for (unsigned i = 3; i <= n; i += 3)
		MUST(twz_context_mask(&context, number(i), 0, TWZ_PERM_ALL));
	assert_int_equal(((struct twz_context *)twz_obj_data(&context))->nused, 0);
}

/* IDs that begin their search in one place: as many as a decision reaches, then an error. */
static void colliding_targets_stay_in_reach(void **state)
{
	struct twz_obj obj;
	unsigned added = 0;
	int error = 0;

	(void)state;
	fresh(&obj);
	while (!error && added < 1000) {
		struct twz_id id = {added + 1, added + 1}; /* lo ^ hi is 0 */
		struct twz_cap cap = plain_for(id, added);

		cap.accessor = obj.id;
		error = twz_context_add(&obj, &cap, 1);
		if (!error)
			added++;
	}
	assert_int_equal(error, TWZ_E_LIMIT);
	assert_int_equal(added, RIGHT_PROBES - 1);
	assert_reach(&obj);
	for (unsigned i = 0; i < added; i++)
		assert_int_equal(decide(&obj, (struct twz_id){i + 1, i + 1}, 1).effective,
				 TWZ_READ);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
}

/* ---- gates ---------------------------------------------------------------------------------------- */

static struct twz_gate gate_of(uint64_t n)
{
	return (struct twz_gate){.object = number(n),
				 .start = TWZ_OBJ_DATA,
				 .length = 8 * 64,
				 .align = 64,
				 .nstacks = 4,
				 .handler_bytes = 1024,
				 .view = number(n + 1),
				 .stacks = number(n + 2),
				 .stack_size = 16384,
				 .base = TWZ_SLOT_SIZE,
				 .stack_base = 2 * TWZ_SLOT_SIZE};
}

/* Gates 0 to n - 1 are gate_of(first) and so on, and there are no more. */
static void assert_gates(const struct twz_obj *obj, uint64_t first, uint64_t n)
{
	struct twz_gate gate, want;

	for (uint64_t i = 0; i < n; i++) {
		want = gate_of(first + i);
		MUST(twz_context_gate(obj, i, &gate));
		assert_memory_equal(&gate, &want, sizeof(gate));
	}
	assert_int_equal(twz_context_gate(obj, n, &gate), TWZ_E_NOTFOUND);
	assert_int_equal(twz_context_gate(obj, ~0ull, &gate), TWZ_E_NOTFOUND);
}

static void gates_are_numbered(void **state)
{
	const struct twz_context *head;
	struct twz_gate gate = gate_of(100);
	struct twz_obj obj;
	uint64_t live;

	(void)state;
	fresh(&obj);
	head = twz_obj_data(&obj);
	live = head->live;
	assert_gates(&obj, 100, 0);
	MUST(twz_context_gates_clear(&obj));
	assert_int_equal(twz_context_gate_set(&obj, 1, &gate), TWZ_E_NOTFOUND);
	for (uint64_t i = 0; i < 5; i++) {
		gate = gate_of(100 + i);
		MUST(twz_context_gate_set(&obj, i, &gate));
		assert_gates(&obj, 100, i + 1);
	}
	assert_int_equal(head->gates % sizeof(gate), 0);
	assert_int_equal(head->live, live + 5 * sizeof(gate));
	gate = gate_of(7);
	MUST(twz_context_gate_set(&obj, 3, &gate));
	MUST(twz_context_gate(&obj, 3, &gate));
	assert_true(twz_id_equal(gate.object, number(7)));
	gate = gate_of(103);
	MUST(twz_context_gate_set(&obj, 3, &gate));
	assert_gates(&obj, 100, 5);
	MUST(twz_context_gates_clear(&obj));
	assert_gates(&obj, 100, 0);
	assert_int_equal(head->live, live);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
}

/* The region is written anew when half of it is dead: the gates go along with all else. */
static void gates_move_with_the_region(void **state)
{
	struct twz_gate gate;
	struct twz_obj obj;
	uint64_t regions = 0, table = 0;

	(void)state;
	fresh(&obj);
	for (uint64_t i = 0; i < 40; i++) {
		gate = gate_of(500 + i);
		MUST(twz_context_gate_set(&obj, i, &gate));
	}
	for (unsigned i = 1; i <= 400; i++) {
		const struct twz_context *head = twz_obj_data(&obj);
		struct twz_cap cap = plain_for(number(i), i);

		cap.accessor = obj.id;
		MUST(twz_context_add(&obj, &cap, 1));
		if (i % 2)
			MUST(twz_context_remove(&obj, number(i)));
		regions += head->table != table;
		table = head->table;
		if (i % 50 == 0)
			assert_gates(&obj, 500, 40);
	}
	assert_true(regions > 4);
	for (unsigned i = 0; i < 2000; i++) { /* what they were is used again */
		MUST(twz_context_gates_clear(&obj));
		gate = gate_of(9);
		MUST(twz_context_gate_set(&obj, 0, &gate));
		assert_int_equal(decide(&obj, number(400), 1).granted, TWZ_READ);
	}
	assert_gates(&obj, 9, 1);
	assert_in_range(twz_obj_size(&obj), 0, 1 << 20);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
}

#define WRONG(field, value)                                                 \
	{                                                                   \
		offsetof(struct twz_gate, field), sizeof(gate.field), value \
	}

/* G1 to G6, each with the first value that is wrong. */
static void what_is_no_gate_is_refused(void **state)
{
	struct twz_gate gate = gate_of(1);
	const struct {
		size_t at, bytes;
		uint64_t value;
	} wrong[] = {
		WRONG(flags, 8), /* G1 */
		WRONG(flags, TWZ_GATE_IN_PLACE),
		WRONG(reserved, 1),
		WRONG(align, 0), /* G2 */
		WRONG(length, 0),
		WRONG(length, TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA + 1),
		WRONG(length, ~0ull),
		WRONG(start, TWZ_OBJ_SIZE_MAX - 8 * 64 + 1),
		WRONG(start, ~0ull),
		WRONG(nstacks, 0), /* G3 */
		WRONG(nstacks, TWZ_GATE_STACKS_MAX + 1),
		WRONG(stack_size, 0),
		WRONG(stack_size, 16384 + 8),
		WRONG(stack_size, 1024 + GATE_STACK_MIN - 16),
		WRONG(stack_size, TWZ_SLOT_SIZE + 16),
		WRONG(stack_size, 1ull << 62),
		WRONG(handler_bytes, 1024 + 8),
		WRONG(handler_bytes, 16384 - GATE_STACK_MIN + 16),
		WRONG(handler_bytes, 0xfffffff0),
		WRONG(vector_in, 1 << 16), /* G4 */
		WRONG(vector_out, 1u << 31),
		WRONG(base, TWZ_SLOT_SIZE + 64), /* G5 */
		WRONG(base, TWZ_SLOT_SIZE + TWZ_PAGE),
		WRONG(base, GATE_SLOTS_END),
		WRONG(base, (uint64_t)-TWZ_PAGE),
		WRONG(stack_base, 2 * TWZ_SLOT_SIZE + 8),
		WRONG(stack_base, 3 * TWZ_SLOT_SIZE - 4 * 16384 + 16),
		WRONG(stack_base, GATE_SLOTS_END),
		WRONG(stack_base, (uint64_t)-16),
		WRONG(handler, TWZ_GATE_RETURN), /* G6 */
	};
	unsigned counts[2] = {0, 0};

	(void)state;
	assert_true(gate_sound(&gate));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gate = gate_of(1);
		memcpy((uint8_t *)&gate + wrong[i].at, &wrong[i].value, wrong[i].bytes);
		assert_int_equal(twz_context_gate_set(&context, 0, &gate), TWZ_E_ARG);
	}
	gate = gate_of(1);
	gate.object = (struct twz_id){0}; /* G1 */
	assert_int_equal(twz_context_gate_set(&context, 0, &gate), TWZ_E_ARG);
	gate = gate_of(1);
	gate.stacks = (struct twz_id){0};
	assert_int_equal(twz_context_gate_set(&context, 0, &gate), TWZ_E_ARG);
	gate = gate_of(1);
	gate.view = (struct twz_id){0};
	assert_int_equal(twz_context_gate_set(&context, 0, &gate), TWZ_E_ARG);
	assert_gates(&context, 1, 0);
	/* And as far as it goes. */
	gate.flags = TWZ_GATE_IN_PLACE | TWZ_GATE_ABORTABLE | TWZ_GATE_PUBLIC;
	gate.nstacks = TWZ_GATE_STACKS_MAX;
	gate.handler_bytes = 0;
	gate.stack_size = GATE_STACK_MIN;
	gate.base = GATE_SLOTS_END - TWZ_SLOT_SIZE;
	gate.stack_base = GATE_SLOTS_END - TWZ_GATE_STACKS_MAX * GATE_STACK_MIN;
	gate.vector_in = gate.vector_out = 0xffff;
	gate.handler = TWZ_GATE_RETURN - 1;
	gate.start = 0;
	gate.length = TWZ_SLOT_SIZE;
	MUST(twz_context_gate_set(&context, 0, &gate));
	MUST(twz_context_each(&context, count_items, counts));
	assert_int_equal(counts[0] + counts[1], 0);
	MUST(twz_context_gates_clear(&context));
}

/* A gate's entries come of a gate's, and of nothing else. */
static void gates_can_be_delegated(void **state)
{
	static const struct {
		uint64_t off, len;
		uint32_t align;
		bool ok;
	} link[] = {
		{4096, 1024, 64, true},       {4096 + 64, 64, 64, true},
		{4096, 1024, 128, true},      {4096, 1025, 64, false},
		{4096 + 64, 1024, 64, false}, {4096 - 64, 128, 64, false},
		{4096 + 32, 64, 64, false},   {4096, 64, 32, false},
		{4096 + 1024, 0, 64, false},
	};
	struct twz_cap parent = {.flags = TWZ_CAP_GATE | TWZ_CAP_DELEGATE,
				 .gate_off = 4096,
				 .gate_len = 1024,
				 .gate_align = 64};
	struct twz_cap cap;

	(void)state;
	for (unsigned i = 0; i < sizeof(link) / sizeof(link[0]); i++) {
		cap = (struct twz_cap){.flags = TWZ_CAP_GATE,
				       .gate_off = link[i].off,
				       .gate_len = link[i].len,
				       .gate_align = link[i].align};
		if (link[i].ok)
			assert_null(twz_cap_refused(&cap, &parent));
		else
			assert_string_equal(twz_cap_refused(&cap, &parent),
					    twz_right_text(RIGHT_WIDENED));
	}
	cap = parent;
	parent.flags = TWZ_CAP_DELEGATE;
	assert_string_equal(twz_cap_refused(&cap, &parent), twz_right_text(RIGHT_WIDENED));
	parent.flags |= TWZ_CAP_GATE;
	cap.flags = 0;
	assert_string_equal(twz_cap_refused(&cap, &parent), twz_right_text(RIGHT_WIDENED));
}

static void gates_as_texts(void **state)
{
	static const char *const bad[] = {
		"",
		"1,2",
		"1,2,3,4",
		"1,2,3 ",
		"1,,3",
		",1,2",
		"1,0,3",
		"1,2,0",
		"1,2,0x100000000",
		"0x,2,3",
		"-1,2,3",
		"0xG,2,3",
		"1,2,c",
		"18446744073709551616,2,3",
		"0x10000000000000000,2,3",
	};
	struct twz_cap cap = {.flags = TWZ_CAP_DELEGATE};
	struct twz_gate gate = gate_of(1);
	char text[TWZ_CAP_TEXT];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(twz_gate_parse(bad[i], &cap), TWZ_E_ARG);
	assert_int_equal(cap.flags, TWZ_CAP_DELEGATE);
	MUST(twz_gate_parse("0x40ab00,1024,0xffffffff", &cap));
	assert_int_equal(cap.flags, TWZ_CAP_DELEGATE | TWZ_CAP_GATE);
	assert_int_equal(cap.gate_off, 0x40ab00);
	assert_int_equal(cap.gate_len, 1024);
	assert_int_equal(cap.gate_align, 0xffffffff);
	twz_cap_text(&cap, "", text);
	assert_non_null(strstr(text, "gate         0x40ab00, 0x400 bytes, each 0xffffffff\n"));

	gate.flags = TWZ_GATE_ABORTABLE | TWZ_GATE_PUBLIC;
	gate.handler = 0x123;
	gate.vector_in = 3;
	twz_gate_text(&gate, "  ", text);
	assert_non_null(strstr(text, "  is           abortable, public\n"));
	assert_non_null(strstr(text, "  entries      0x400000, 0x200 bytes, each 0x40\n"));
	assert_non_null(strstr(text, "  view         "));
	assert_non_null(strstr(text, "  stacks       4 of 0x4000 bytes, from 0x80000000 on\n"));
	assert_non_null(strstr(text, "  handler      0x123, with 0x400 bytes of each stack\n"));
	assert_non_null(strstr(text, "  vectors      in 0x3, out 0x0\n"));
	assert_null(strstr(text, "out of place"));
	gate.flags = TWZ_GATE_IN_PLACE; /* and names a view */
	twz_gate_text(&gate, "", text);
	assert_non_null(strstr(text, "is           out of place: nobody enters there\n"
				     "is           in place\n"));
	assert_null(strstr(text, "view "));
	memset(&gate, 0xff, sizeof(gate));
	twz_gate_text(&gate, "    ", text);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* Whatever one word of the header or the table holds: an error or not, but the program goes on. */
static void hostile_contexts_are_survived(void **state)
{
	static const uint64_t values[] = {0,     1,         7, 8, TWZ_OBJ_DATA, TWZ_SLOT_SIZE,
					  ~0ull, 1ull << 63};
	struct twz_gate gate = gate_of(1);
	struct twz_cap cap;
	struct twz_obj obj;
	unsigned counts[2];

	(void)state;
	fresh(&obj);
	MUST(twz_context_gate_set(&obj, 0, &gate));
	cap = plain_for(number(1), 1);
	cap.accessor = obj.id;
	MUST(twz_context_add(&obj, &cap, 1));
	for (unsigned word = 0; word < 64; word++)
		for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			uint64_t *data = twz_obj_data(&obj);
			uint8_t whole[1024];

			memcpy(whole, data, sizeof(whole));
			data[word] = values[v];
			cap.target = number(word + 2);
			(void)twz_context_add(&obj, &cap, 1);
			(void)twz_context_mask(&obj, number(1), 0, TWZ_READ);
			(void)twz_context_remove(&obj, number(1));
			(void)twz_context_each(&obj, count_items, counts);
			(void)twz_context_gate(&obj, 0, &gate);
			(void)twz_context_gate_set(&obj, 0, &gate);
			(void)twz_context_gate_set(&obj, 1, &gate);
			(void)twz_context_gates_clear(&obj);
			(void)decide(&obj, number(1), 1);
			memcpy(data, whole, sizeof(whole));
			twz_persist(data, sizeof(whole));
		}
	assert_int_equal(decide(&obj, number(1), 1).granted, TWZ_READ);
	((struct twz_context *)twz_obj_data(&obj))->version = 2;
	assert_int_equal(twz_context_remove(&obj, number(1)), TWZ_E_DAMAGED);
}

static void publishing_and_explaining(void **state)
{
	struct twz_rt_answer answer;
	struct twz_cap cap;
	struct twz_obj obj;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.key = owner.id, .perms = TWZ_READ}, &obj));
	cap = root_for(obj.id, context.id, TWZ_WRITE);
	MUST(twz_context_add(&context, &cap, 1));
	MUST(twz_context_publish(&context));
	assert_int_equal(((struct twz_context *)twz_obj_data(&context))->serial, 1);
	assert_int_equal(twz_rt_publish(obj.id), TWZ_E_TYPE);
	assert_int_equal(twz_rt_publish(number(9)), TWZ_E_NOTFOUND);
	MUST(twz_rt_explain(obj.id, context.id, &answer));
	assert_int_equal(answer.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(answer.reason[0].why, RIGHT_DEFAULT);
	assert_int_equal(answer.reason[1].why, RIGHT_CAP);
	assert_int_equal(answer.reason[2].why, RIGHT_NONE);
	MUST(twz_context_remove(&context, obj.id));
	cap.sig[0] ^= 1;
	MUST(twz_context_add(&context, &cap, 1));
	MUST(twz_rt_explain(obj.id, context.id, &answer));
	assert_int_equal(answer.effective, TWZ_READ);
	assert_int_equal(answer.reason[1].why, RIGHT_FORGED);
	MUST(twz_rt_explain(obj.id, (struct twz_id){0, 0}, &answer));
	assert_int_equal(answer.effective, TWZ_READ); /* a store without a boot context */
	assert_int_equal(twz_rt_explain(number(9), context.id, &answer), TWZ_E_NOTFOUND);
	assert_int_equal(twz_rt_explain(obj.id, obj.id, &answer), TWZ_E_TYPE);
}

static void hosted_there_is_nothing_to_act_in(void **state)
{
	const char *const argv[] = {"no such program", NULL};
	struct twz_rt_program program = {.argv = argv, .timeout_ns = ~0ull};
	struct twz_rt_answer answer;
	struct twz_obj obj;
	int status = -1;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.key = owner.id, .perms = TWZ_READ}, &obj));
	assert_int_equal(twz_context_attach(context.id, 0), TWZ_E_ABSENT);
	assert_int_equal(twz_context_detach(context.id), TWZ_E_ABSENT);
	assert_int_equal(twz_context_switch(context.id), TWZ_E_ABSENT);
	assert_int_equal(twz_right_grant(obj.id, context.id, TWZ_READ), TWZ_E_ABSENT);
	MUST(twz_rt_may(obj.id, TWZ_PERM_ALL)); /* nothing is enforced */
	assert_int_equal(twz_rt_may(number(9), 0), TWZ_E_NOTFOUND);
	MUST(twz_right_explain(obj.id, context.id, &answer));
	assert_int_equal(answer.effective, TWZ_READ);
	assert_int_equal(twz_run_as(&program, &status), TWZ_E_NOTFOUND);
	program.flags = TWZ_RUN_NO_CONSOLE;
	assert_int_equal(twz_run_as(&program, &status), TWZ_E_ARG);
	program.context = context.id;
	assert_int_equal(twz_run_as(&program, &status), TWZ_E_ABSENT);
	program.reserved = 1;
	assert_int_equal(twz_run_as(&program, &status), TWZ_E_ARG);
	assert_int_equal(status, -1);
}

static void texts_and_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} times[] = {{"1970-01-01T00:00:00Z", 0},
		     {"2000-02-29T12:34:56Z", 951827696},
		     {"2026-11-22T07:00:00Z", 1795330800},
		     {"2100-03-01T00:00:00Z", 4107542400},
		     {"9999-12-31T23:59:59Z", 253402300799}};
	static const char *const bad[] = {"",
					  "+",
					  "+1",
					  "+1y",
					  "+x",
					  "1",
					  "2026-13-01",
					  "2026-02-29",
					  "2026-00-01",
					  "+1hh",
					  "2026-11-22T7:00:00",
					  "1969-12-31",
					  "never",
					  "2026-11-22T24:00:00Z",
					  "+99999999999999999999h"};
	char text[TWZ_TIME_TEXT], perms[TWZ_PERMS_TEXT];
	uint64_t seconds;
	uint32_t bits;

	(void)state;
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		MUST(twz_time_parse(times[i].text, 5, &seconds));
		assert_int_equal(seconds, times[i].seconds);
		twz_time_text(seconds, text);
		assert_string_equal(text, times[i].text);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(twz_time_parse(bad[i], 0, &seconds), TWZ_E_ARG);
	MUST(twz_time_parse("+2h", 5, &seconds));
	assert_int_equal(seconds, 7205);
	MUST(twz_time_parse("2026-11-22", 5, &seconds));
	assert_int_equal(seconds, 1795305600);
	MUST(twz_perms_parse("dr", &bits));
	assert_int_equal(bits, TWZ_READ | TWZ_DELETE);
	twz_perms_text(bits, perms);
	assert_string_equal(perms, "r---d");
	MUST(twz_perms_parse("-", &bits));
	assert_int_equal(bits, 0);
	assert_int_equal(twz_perms_parse("", &bits), TWZ_E_ARG);
	assert_int_equal(twz_perms_parse("rq", &bits), TWZ_E_ARG);
	assert_string_equal(twz_right_text(99), "unknown reason");
	for (uint32_t why = 0; why <= RIGHT_UNVERIFIED; why++)
		assert_non_null(twz_right_text(why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(a_new_context_is_empty_and_strict),
		home_test(a_temporary_one_ends),
		home_test(a_capability_gives),
		home_test(signatures_are_right),
		home_test(a_secret_opens_with_its_passphrase),
		home_test(a_delegation_brings_its_chain),
		home_test(what_is_no_chain_is_refused),
		home_test(as_many_chains_as_a_decision_looks_at),
		home_test(masks_limit),
		home_test(every_one_is_found),
		home_test(colliding_targets_stay_in_reach),
		home_test(gates_are_numbered),
		home_test(gates_move_with_the_region),
		home_test(what_is_no_gate_is_refused),
		home_test(gates_can_be_delegated),
		home_test(gates_as_texts),
		home_test(hostile_contexts_are_survived),
		home_test(publishing_and_explaining),
		home_test(hosted_there_is_nothing_to_act_in),
		home_test(texts_and_times),
	};

	setenv("TWZ_MEDIUM", "clwb", 1); /* tens of thousands of transactions: not on the disk */
	home_start(64 << 20);
	twz_secret_new(&owner);
	MUST(twz_key_make(owner.key, &owner.id));
	twz_secret_new(&other);
	MUST(twz_key_make(other.key, &other.id));
	fresh(&context);
	MUST(twz_context_make(
		&(struct twz_context_new){.key = other.id, .global_mask = TWZ_PERM_ALL},
		&other_context));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
