/* rights.c - keys, contexts and capabilities (rights.h). */
#include "bench/guest/lib/rights.h"

struct twz_obj context_own(void)
{
	struct twz_obj context;

	must(twz_context_open(minimal.sys.context, &context), "the program's context");
	return context;
}

void publish(const struct twz_obj *context)
{
	must(twz_context_publish(context), "publish");
}

static struct twz_cap add(const struct twz_obj *context, const struct twz_secret *secret,
			  struct twz_cap cap)
{
	must(twz_cap_sign(&cap, NULL, secret), "sign");
	must(twz_context_add(context, &cap, 1), "a capability");
	return cap;
}

void key_new(struct twz_secret *secret, uint32_t perms)
{
	const struct twz_obj own = context_own();

	twz_secret_new(secret);
	must(twz_key_make(secret->key, &secret->id), "a key");
	add(&own, secret,
	    (struct twz_cap){.perms = perms,
			     .flags = TWZ_CAP_KEY,
			     .target = secret->id,
			     .accessor = own.id});
	publish(&own);
}

struct twz_obj context_new(struct twz_id key)
{
	const struct twz_context_new new = {
		.key = key, .global_mask = TWZ_PERM_ALL, .ending = true};
	struct twz_obj context;

	must(twz_context_make(&new, &context), "a context");
	return context;
}

struct twz_id object_under(struct twz_id key, uint32_t flags)
{
	const struct twz_sys_new new = {
		.type = TWZ_TYPE_DATA, .key = key, .flags = flags, .page = DATA_PAGE, .npages = 1};
	struct twz_id id;

	must(SYS(object_new, &new, &id), "an object under a key");
	return id;
}

struct twz_cap give(const struct twz_obj *context, const struct twz_secret *secret,
		    struct twz_id object, uint32_t perms, uint64_t expires)
{
	return add(context, secret,
		   (struct twz_cap){.perms = perms,
				    .target = object,
				    .accessor = context->id,
				    .expires = expires});
}

void share_program(struct twz_id context)
{
	const struct twz_view_slot *own = view_own()->slot;

	must(SYS(right_grant, ID(own[TWZ_SLOT_DATA].id), ID(context), TWZ_READ | TWZ_WRITE),
	     "a grant");
}
