/*
 * right.c - rights on the host: nothing is enforced (who may write the image may write all of it), but
 * what the contexts in the store would give is decided as the kernel does.
 */
#include "core/explain.h"
#include "rt/linux/home.h"

#define SECOND_NS 1000000000ull

int twz_rt_publish(struct twz_id context)
{
	uint64_t ref;
	int error;

	home_lock();
	error = store_find(&home.store, context, &ref);
	if (!error && store_record(&home.store, ref)->identity.type != TWZ_TYPE_CONTEXT)
		error = TWZ_E_TYPE;
	home_unlock();
	return error;
}

int twz_rt_attach(struct twz_id context, uint32_t flags)
{
	(void)context, (void)flags;
	return TWZ_E_ABSENT;
}

int twz_rt_detach(struct twz_id context)
{
	(void)context;
	return TWZ_E_ABSENT;
}

int twz_rt_switch(struct twz_id context)
{
	(void)context;
	return TWZ_E_ABSENT;
}

int twz_rt_grant(struct twz_id object, struct twz_id context, uint32_t perms)
{
	(void)object, (void)context, (void)perms;
	return TWZ_E_ABSENT;
}

int twz_rt_may(struct twz_id object, uint32_t perms)
{
	struct twz_rt_stat stat;

	(void)perms;
	return twz_rt_stat(object, &stat);
}

int twz_rt_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer)
{
	struct right_answer found;
	int error;

	home_lock();
	if (!(context.lo | context.hi))
		context = home.store.super->boot;
	error = explain(&home.store, object, context, twz_rt_time_ns() / SECOND_NS, NULL, &found);
	home_unlock();
	if (error)
		return error;
	*answer = (struct twz_rt_answer){
		.effective = found.effective, .granted = found.granted, .until = found.until};
	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		answer->reason[i].why = found.reason[i].why;
		answer->reason[i].by = found.reason[i].by;
		answer->reason[i].cap = found.reason[i].cap;
	}
	return 0;
}

/* ---- accounts ------------------------------------------------------------------------------------ */

/* home_lock held. */
static int find_key(struct twz_id key)
{
	uint64_t ref;
	int error = store_find(&home.store, key, &ref);

	if (error)
		return error;
	return right_is_key(&store_record(&home.store, ref)->identity) ? 0 : TWZ_E_TYPE;
}

int twz_rt_account(struct twz_id key, struct twz_rt_account *out)
{
	struct twz_account kept = {0};
	int error;

	home_lock();
	error = find_key(key);
	if (!error)
		error = store_account(&home.store, key, &kept);
	if (error == TWZ_E_NOTFOUND) /* nothing is under it, if it is there */
		error = find_key(key);
	home_unlock();
	if (error)
		return error;
	*out = (struct twz_rt_account){.frame_limit = kept.frame_limit,
				       .pages = kept.pages,
				       .page_limit = kept.limit,
				       .objects = kept.objects};
	return 0;
}

int twz_rt_limit_key(struct twz_id key, uint64_t pages, uint64_t frames)
{
	int error;

	home_lock();
	error = find_key(key);
	if (!error)
		error = store_limit_key(&home.store, key, pages, frames);
	home_unlock();
	return error;
}
