/* right.c - the decision as the kernel makes it (right.h). */
#include "kernel/heap.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#define NS 1000000000ull
#define GRANTS_MAX 64u /* of an object: each decision goes through them */

struct grant {
	struct grant *next;
	struct twz_id context;
	uint32_t perms;
};
static struct cache grants = CACHE(struct grant);

struct kept right_kept[RIGHT_KEPT];

/* What was decided on objects that no context mentions (right_mentions): most are such. */
#define ALIKE 256u
static struct alike {
	uint64_t stamp;
	struct twz_id key;
	uint32_t defaults, effective;
} alike[ALIKE];

/* ---- what core asks ------------------------------------------------------------------------------ */

static enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	(void)arg;
	return verify_verdict(cap);
}

static enum right_verdict parent(void *arg, const struct twz_cap *link, const struct twz_cap *of)
{
	(void)arg;
	return verify_parent(link, of);
}

static bool context_key(void *arg, struct twz_id id, struct twz_id *key)
{
	struct object *o;
	bool is;

	(void)arg;
	if (object_find(id, &o))
		return false;
	is = o->identity.type == TWZ_TYPE_CONTEXT || !KSTEP("link-of-context");
	*key = o->identity.key;
	object_release(o);
	return is;
}

uint32_t right_granted(const struct object *o, struct twz_id context)
{
	for (const struct grant *g = o->grants; g; g = g->next)
		if (g->context.lo == context.lo && g->context.hi == context.hi)
			return g->perms;
	return 0;
}

static void decide(const struct object *o, const struct context *active,
		   const struct right_context *const *limits, uint32_t nlimits,
		   const uint64_t *entry, struct right_answer *answer)
{
	const struct right_query query = {.object = o->id,
					  .key = right_key(&o->identity, o->id),
					  .defaults = o->identity.perms,
					  .grants =
						  active ? right_granted(o, active->object->id) : 0,
					  .entry = entry,
					  .now = clock_wall_ns() / NS,
					  .active = active ? &active->rights : NULL,
					  .limits = limits,
					  .nlimits = nlimits,
					  .verdict = verdict,
					  .parent = parent,
					  .context_key = context_key};

	verify_begin();
	right_decide(&query, answer);
}

/* As the subject is: its permissions, or, not null, its right to enter there. */
static void decide_for(const struct subject *s, const struct object *o, const uint64_t *entry,
		       struct right_answer *answer)
{
	const struct right_context *limits[TWZ_ATTACH_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; KSTEP("limits") && i < s->count; i++)
		if (s->member[i].undetachable)
			limits[n++] = &s->member[i].context->rights;
	decide(o, subject_active(s), limits, n, entry, answer);
}

/* ---- decisions that are kept --------------------------------------------------------------------- */

static void expired(struct alarm *alarm)
{
	subject_renew(list_of(alarm, struct subject, expiry));
	view_renew();
}

/* At the first moment of that second what is mapped must go at once. */
static void expire(struct subject *s, uint64_t second)
{
	uint64_t now_ns = clock_wall_ns(), at;

	if (second > ~0ull / NS || !KSTEP("expiry"))
		return;
	second *= NS;
	at = cycles() + (second > now_ns ? clock_cycles(second - now_ns) : 0);
	if (s->expiry.link && s->expiry.at <= at)
		return;
	alarm_cancel(&s->expiry);
	alarm_set(&s->expiry, at, expired);
	clock_arm(cpu_this(), at); /* the next thread may not be chosen before */
}

/* What is in threads' and devices' pages is the kernel's to write. */
static uint32_t possible(const struct object *o)
{
	bool kernels = o->identity.type == TWZ_TYPE_THREAD || o->identity.type == TWZ_TYPE_DEVICE;

	return kernels && KSTEP("kernel-state") ? TWZ_READ | TWZ_USE | TWZ_DELETE : TWZ_PERM_ALL;
}

static bool mentioned(const struct subject *s, struct twz_id id)
{
	for (uint32_t i = 0; i < s->count; i++)
		if ((i == s->active || s->member[i].undetachable) &&
		    right_mentions(&s->member[i].context->rights, id))
			return true;
	return false;
}

static struct kept *decide_kept(struct subject *s, struct object *o, struct right_answer *answer)
{
	struct kept *k = &right_kept[(s->stamp + o->serial) % RIGHT_KEPT];

	decide_for(s, o, NULL, answer);
	expire(s, answer->until);
	answer->effective &= possible(o);
	answer->pending &= possible(o);
	*k = (struct kept){s->stamp, o->serial, answer->effective, 0};
	return k;
}

/*
 * Is all that is given given for the whole key? A capability for one object of it may stand under the key as
 * well.
 */
static bool for_the_key(const struct subject *s, const struct right_answer *answer)
{
	for (unsigned i = 0; i < RIGHT_PERMS && KSTEP("alike-by-key"); i++) {
		const struct right_reason *reason = &answer->reason[i];
		const struct right_context *rights;
		const struct twz_cap *cap;

		if (reason->why != RIGHT_CAP)
			continue;
		rights = &subject_active(s)->rights;
		cap = rights->at(rights, reason->cap, sizeof(*cap));
		if (!(cap->flags & TWZ_CAP_KEY))
			return false;
	}
	return true;
}

uint32_t right_decide_anew(struct subject *s, struct object *o)
{
	const struct twz_id key = o->identity.key;
	const uint32_t defaults = o->identity.perms;
	struct alike *a = &alike[(s->stamp + key.lo) % ALIKE];
	struct right_answer answer;

	if (o->grants || right_is_key(&o->identity) || mentioned(s, o->id))
		return (uint32_t)decide_kept(s, o, &answer)->perms;
	if (a->stamp != s->stamp || a->key.lo != key.lo || a->key.hi != key.hi ||
	    a->defaults != defaults) {
		decide_for(s, o, NULL, &answer);
		expire(s, answer.until);
		/* What is refused is decided again, till then. */
		if (answer.pending || !for_the_key(s, &answer))
			return answer.effective & possible(o);
		*a = (struct alike){s->stamp, key, defaults, answer.effective};
	}
	right_kept[(s->stamp + o->serial) % RIGHT_KEPT] =
		(struct kept){s->stamp, o->serial, a->effective & possible(o), 0};
	return a->effective & possible(o);
}

int right_refuse(struct thread *t, struct object *o, uint32_t want)
{
	struct right_answer answer;
	const struct kept *k = decide_kept(t->subject, o, &answer);
	uint32_t have = (uint32_t)k->perms, missing = have ? want & ~have : TWZ_PERM_ALL;

	if (have && !missing)
		return 0;
	if (missing & answer.pending && answer.unverified)
		verify_wait(t);
	if (!KSTEP("call-right"))
		return 0;
	return have ? TWZ_E_RIGHT : TWZ_E_NOTFOUND;
}

int right_may_enter(struct thread *t, const struct context *context, struct object *o,
		    uint64_t offset)
{
	struct right_answer answer;

	if (context)
		decide(o, context, NULL, 0, &offset, &answer);
	else
		decide_for(t->subject, o, &offset, &answer);
	expire(t->subject, answer.until);
	if (answer.effective & TWZ_EXEC)
		return 0;
	if (answer.pending & TWZ_EXEC && answer.unverified)
		verify_wait(t);
	return TWZ_E_RIGHT;
}

int right_check_as(struct thread *t, struct subject *subject, struct object *o, uint32_t want)
{
	struct subject *was = t->subject;
	int error;

	t->subject = subject;
	error = right_check(t, o, want);
	t->subject = was;
	return error;
}

uint32_t right_why(const struct thread *t, const struct object *o, uint32_t want)
{
	struct right_answer answer;

	decide_for(t->subject, o, NULL, &answer);
	want &= ~answer.effective;
	return want ? answer.reason[__builtin_ctz(want)].why : 0;
}

bool right_explain(struct thread *t, struct object *o, struct context *context,
		   struct right_answer *answer)
{
	if (context)
		decide(o, context, NULL, 0, NULL, answer);
	else
		decide_for(t->subject, o, NULL, answer);
	answer->effective &= possible(o);
	return !answer->unverified || !verify_wait(t);
}

/* ---- grants -------------------------------------------------------------------------------------- */

/* What leads to the context's grant, or to the end of `*count` others. */
static struct grant **grant_of(struct object *o, struct twz_id context, unsigned *count)
{
	struct grant **link = &o->grants;

	for (*count = 0; *link; ++*count, link = &(*link)->next)
		if ((*link)->context.lo == context.lo && (*link)->context.hi == context.hi)
			break;
	return link;
}

int right_grant(struct object *o, struct twz_id context, uint32_t perms)
{
	unsigned count;
	struct grant **link = grant_of(o, context, &count), *g = *link;

	if (!g && !perms)
		return 0;
	if (!g && count == GRANTS_MAX)
		return TWZ_E_LIMIT;
	if (!perms) {
		*link = g->next;
		cache_give(&grants, g);
	} else if (g) {
		g->perms = perms;
	} else {
		g = cache_take(&grants);
		if (!g)
			return TWZ_E_NOMEM;
		g->context = context;
		g->perms = perms;
		*link = g;
	}
	if (KSTEP("grant-renews")) {
		object_renew(o);
		view_renew_object(o);
	}
	return 0;
}

void right_drop_grants(struct object *o)
{
	while (o->grants) {
		struct grant *g = o->grants;

		o->grants = g->next;
		cache_give(&grants, g);
	}
}
