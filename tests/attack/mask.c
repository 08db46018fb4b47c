/*
 * mask.c - attempts to shed a mask, or a context that cannot be left.
 *
 * Bob runs mallory's program in a jail: a context of his that may read and write his object, under a mask
 * that leaves reading. Mallory has a context of her own in which she may do both, and may go over to it.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

struct jail {
	struct user bob, mallory;
	struct twz_obj jail, free;
	struct twz_id object;
	uint32_t stage;
};

static void give(const struct user *from, struct twz_id object, const struct twz_obj *context,
		 uint32_t perms)
{
	struct twz_cap cap = cap_for(from, object, context->id, perms);

	cap_sign_by(&cap, NULL, from);
	context_add(context, &cap, 1);
}

static void jail_make(struct jail *j, bool undetachable)
{
	const struct twz_context_new new = {
		.global_mask = TWZ_PERM_ALL, .ending = true, .undetachable = undetachable};
	struct twz_context_new of_bob = new, of_mallory = new;

	user_make(&j->bob);
	user_make(&j->mallory);
	of_bob.key = j->bob.secret.id;
	of_mallory.key = j->mallory.secret.id;
	of_mallory.undetachable = false;
	CHECK_EQ(twz_context_make(&of_bob, &j->jail), 0);
	CHECK_EQ(twz_context_make(&of_mallory, &j->free), 0);
	test_program(j->jail.id, true);
	test_program(j->free.id, true);
	j->object = user_object(&j->bob, TWZ_OBJECT_VOLATILE);
	give(&j->bob, j->object, &j->jail, TWZ_READ | TWZ_WRITE);
	give(&j->bob, j->object, &j->free, TWZ_READ | TWZ_WRITE);
	give(&j->mallory, j->mallory.secret.id, &j->jail, TWZ_PERM_ALL);
	give(&j->mallory, j->mallory.secret.id, &j->free, TWZ_PERM_ALL);
	j->stage = 0;
	CHECK_EQ(twz_context_mask(&j->jail, j->object, 0, TWZ_READ), 0);
}

static void jail_end(struct jail *j)
{
	test_delete(j->object);
	test_program(j->jail.id, false);
	test_program(j->free.id, false);
	context_end(&j->jail);
	context_end(&j->free);
	user_end(&j->mallory);
	user_end(&j->bob);
}

/* In a thread of mallory's: what of the object is left to her. */
static void check_masked(struct jail *j)
{
	CHECK_EQ(attack_load(&j->object), 0);
	CHECK_EQ(attack_store(&j->object), TWZ_E_RIGHT);
}

static int64_t attach(struct twz_id context, uint32_t flags)
{
	return SYS(context_attach, ID(context), flags);
}

/* ---- a mask ----------------------------------------------------------------------------------------- */

static int64_t masked(void *arg)
{
	struct jail *j = arg;

	check_masked(j);
	/* The jail is bob's: it is not there for her, neither to be read, nor to be written or used. */
	CHECK_EQ(attack_stat(&j->jail.id), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_store(&j->jail.id), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_publish, ID(j->jail.id)), TWZ_E_NOTFOUND);
	CHECK_EQ(attach(j->jail.id, TWZ_ATTACH_ACTIVE), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_switch, ID(j->jail.id)), TWZ_E_NOTFOUND);
	check_masked(j);
	return 0;
}

TEST(what_a_mask_takes_away)
{
	struct jail j;

	jail_make(&j, false);
	test_run_as(j.jail.id, masked, &j);
	/* For everything. */
	CHECK_EQ(twz_context_mask(&j.jail, j.object, 0, TWZ_PERM_ALL), 0);
	CHECK_EQ(rights_of(j.jail.id, j.object), TWZ_READ | TWZ_WRITE);
	CHECK_EQ(twz_context_global(&j.jail, TWZ_READ | TWZ_USE), 0);
	CHECK_EQ(rights_of(j.jail.id, j.object), TWZ_READ);
	jail_end(&j);
}

TEST(a_mask_that_adds)
{
	struct jail j;
	struct twz_id other;

	jail_make(&j, false);
	other = user_object(&j.bob, TWZ_OBJECT_VOLATILE);
	CHECK_EQ(twz_context_mask(&j.jail, other, TWZ_PERM_ALL, TWZ_PERM_ALL), 0);
	CHECK_EQ(twz_context_mask(&j.jail, j.object, TWZ_PERM_ALL, TWZ_PERM_ALL), 0);
	CHECK_EQ(rights_of(j.jail.id, other), 0);
	CHECK_EQ(rights_of(j.jail.id, j.object), TWZ_READ | TWZ_WRITE);
	test_delete(other);
	jail_end(&j);
}

/* A grant is no way around a mask. */
static int64_t granted(void *arg)
{
	check_masked(arg);
	return 0;
}

TEST(a_grant_past_a_mask)
{
	struct jail j;

	jail_make(&j, false);
	CHECK_EQ(SYS(right_grant, ID(j.object), ID(j.jail.id), TWZ_READ | TWZ_WRITE), 0);
	test_run_as(j.jail.id, granted, &j);
	jail_end(&j);
}

static void before_and_after(uint64_t arg)
{
	struct jail *j = (struct jail *)arg;

	check_masked(j);
	__atomic_store_n(&j->stage, 1, __ATOMIC_RELEASE);
	bare_reaches(&j->stage, 2);
	check_masked(j);
}

TEST(shed_by_storing_what_is_not_published)
{
	struct test_thread *thread;
	struct twz_context *header;
	struct jail j;

	jail_make(&j, false);
	header = twz_obj_data(&j.jail);
	thread = test_thread_as(j.jail.id, before_and_after, (uint64_t)&j);
	bare_reaches(&j.stage, 1);
	header->global_mask = TWZ_PERM_ALL;
	header->table = header->nentries = 0;
	__atomic_store_n(&j.stage, 2, __ATOMIC_RELEASE);
	CHECK_EQ(test_join(thread), 0);
	jail_end(&j);
}

/* ---- a context that cannot be left ------------------------------------------------------------------ */

static void still_masked(uint64_t arg)
{
	struct jail *j = (struct jail *)arg;

	check_masked(j);
	CHECK_EQ(SYS(context_detach, ID(j->jail.id)), TWZ_E_BUSY);
	check_masked(j);
}

/* Goes over to the context where she may do all, and tries what might leave the jail behind. */
static int64_t leave(void *arg)
{
	struct jail *j = arg;

	check_masked(j);
	CHECK_EQ(SYS(context_detach, ID(j->jail.id)), TWZ_E_BUSY);
	CHECK_EQ(attach(j->free.id, TWZ_ATTACH_ACTIVE), 0);
	check_masked(j);
	CHECK_EQ(SYS(context_detach, ID(j->jail.id)), TWZ_E_BUSY);
	check_masked(j);
	/* Once more, so that one of the two could go. */
	CHECK_EQ(attach(j->free.id, TWZ_ATTACH_ACTIVE), TWZ_E_EXISTS);
	CHECK_EQ(attach(j->jail.id, 0), TWZ_E_NOTFOUND);
	check_masked(j);
	CHECK_EQ(SYS(context_switch, ID(j->free.id)), 0);
	check_masked(j);
	CHECK_EQ(SYS(context_publish, ID(j->jail.id)), TWZ_E_NOTFOUND);
	check_masked(j);
	/* Threads of hers. */
	CHECK_EQ(test_join(test_thread(still_masked, (uint64_t)j)), 0);
	CHECK_EQ(test_join(test_thread_as(j->free.id, still_masked, (uint64_t)j)), 0);
	CHECK_EQ(SYS(context_detach, ID(j->free.id)), TWZ_E_NOTFOUND); /* no way back to the jail */
	check_masked(j);
	return 0;
}

TEST(leaving_what_cannot_be_left)
{
	struct jail j;

	jail_make(&j, true);
	test_run_as(j.jail.id, leave, &j);
	jail_end(&j);
}

/* Attached so by who attaches, not by itself. */
static int64_t attached_for_good(void *arg)
{
	struct jail *j = arg;

	CHECK_EQ(attack_store(&j->object), 0);
	CHECK_EQ(attach(j->jail.id, TWZ_ATTACH_UNDETACHABLE), 0);
	check_masked(j);
	CHECK_EQ(SYS(context_detach, ID(j->jail.id)), TWZ_E_BUSY);
	CHECK_EQ(attach(j->jail.id, 0), TWZ_E_EXISTS);
	check_masked(j);
	CHECK_EQ(test_join(test_thread_as(j->free.id, still_masked, (uint64_t)j)), 0);
	CHECK_EQ(test_join(test_thread_as(j->jail.id, still_masked, (uint64_t)j)), 0);
	return 0;
}

TEST(leaving_what_was_attached_for_good)
{
	struct jail j;

	jail_make(&j, false);
	give(&j.bob, j.jail.id, &j.free, TWZ_USE);
	test_run_as(j.free.id, attached_for_good, &j);
	jail_end(&j);
}

/* So many that one is forgotten. */
static struct twz_obj more[TWZ_ATTACH_MAX];

static int64_t crowded(void *arg)
{
	struct jail *j = arg;
	const struct twz_sys_thread new = {
		.context = j->free.id, .entry = TWZ_PAGE, .stack = TWZ_PAGE, .name = "attack"};
	unsigned attached = 1;
	struct twz_id id;

	for (unsigned i = 0; i < TWZ_ATTACH_MAX; i++) {
		attached += !attach(more[i].id, TWZ_ATTACH_UNDETACHABLE);
		check_masked(j);
	}
	CHECK_EQ(attached, TWZ_ATTACH_MAX);
	CHECK_EQ(attach(j->free.id, TWZ_ATTACH_ACTIVE), TWZ_E_LIMIT);
	CHECK_EQ(SYS(thread_new, &new, &id), TWZ_E_LIMIT);
	check_masked(j);
	return 0;
}

TEST(more_contexts_than_are_kept)
{
	const struct twz_context_new open = {
		.perms = TWZ_PERM_ALL, .global_mask = TWZ_PERM_ALL, .ending = true};
	struct jail j;

	jail_make(&j, true);
	for (unsigned i = 0; i < TWZ_ATTACH_MAX; i++)
		CHECK_EQ(twz_context_make(&open, &more[i]), 0);
	test_run_as(j.jail.id, crowded, &j);
	for (unsigned i = 0; i < TWZ_ATTACH_MAX; i++)
		context_end(&more[i]);
	jail_end(&j);
}
