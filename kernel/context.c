/* context.c - contexts, their snapshots, subjects (context.h). */
#include "abi/object.h"
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/heap.h"
#include "kernel/object.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define PAGES_MAX 4096u /* of a context: some 60,000 capabilities */
#define STAMP_STEP 61u  /* so that decisions of several subjects on a run of objects lie apart */
#define STEP_PAGES 4u   /* copied before others may go on */

static struct cache contexts = CACHE(struct context), subjects = CACHE(struct subject);
static struct list all = {&all, &all};
static uint64_t last_stamp = 1;
static struct subject nobody = {.stamp = 1, .account = &account_none, .holds = 1};

/* ---- snapshots ----------------------------------------------------------------------------------- */

static const void *snapshot_at(const struct right_context *rights, uint64_t offset, uint64_t bytes)
{
	const uint8_t *page = object_look(rights->arg, offset / TWZ_PAGE);

	(void)bytes; /* it does not cross a page */
	return page ? page + offset % TWZ_PAGE : NULL;
}

static void drop(struct object *snapshot)
{
	if (!snapshot)
		return;
	verify_forget_places();
	object_delete(snapshot);
	object_release(snapshot);
}

/* In the memory of the one before the last, which nothing is read from any more, if there was one. */
static int begin_next(struct context *c)
{
	c->next = c->spare;
	c->spare = NULL;
	c->next_pages = 0;
	return c->next ? 0 : object_new(TWZ_TYPE_DATA, 0, (struct twz_id){0}, c->account, &c->next);
}

/* The object's data ends at the first hole. False: it has ended. */
static int copy_page(struct context *c, bool *more)
{
	uint64_t page = DATA_PAGE + c->next_pages, done;
	int error;

	*more = c->object->medium->look(c->object, page);
	if (!*more)
		return 0;
	if (c->next_pages == PAGES_MAX && KSTEP("context-pages"))
		return TWZ_E_LIMIT;
	error = c->next->medium->copy(c->next, page, c->object, page, 1, &done);
	c->next_pages += done;
	return error;
}

/* The next snapshot is whole. */
static void complete(struct context *c)
{
	verify_forget_places();
	c->spare = c->snapshot;
	c->snapshot = c->next;
	c->next = NULL;
	c->rights = (struct right_context){.id = c->object->id,
					   .bytes = c->next_pages * TWZ_PAGE,
					   .at = snapshot_at,
					   .arg = c->snapshot};
	right_open(&c->rights);
	c->round++;
}

/* A part of the next snapshot, which is begun if need be. */
static int make_some(struct context *c)
{
	bool more = true;
	int error = 0;

	if (!c->next)
		error = begin_next(c);
	if (error)
		return error;
	for (unsigned i = 0; i < STEP_PAGES && more && !error; i++)
		error = copy_page(c, &more);
	if (error) {
		drop(c->next);
		c->next = NULL;
	} else if (!more) {
		complete(c);
	}
	return error;
}

/* ---- contexts in use ----------------------------------------------------------------------------- */

static int make(struct object *object)
{
	struct account *account;
	struct context *c;
	int error = account_charge_key(object->identity.key, 1, &account);

	if (error)
		return error;
	c = cache_take(&contexts);
	if (!c) {
		account_credit(account, 1);
		return TWZ_E_NOMEM;
	}
	list_init(&c->members);
	list_add_last(&all, &c->link);
	c->account = account;
	c->object = object;
	object_hold(object);
	if (object_find(object->identity.key, &c->key))
		c->key = NULL;
	object->context = c;
	return 0;
}

/* Held. */
static int context_of(struct object *object, struct context **context)
{
	int error = object->context ? 0 : make(object);

	if (error)
		return error;
	*context = object->context;
	context_hold(*context);
	return 0;
}

void context_hold(struct context *c)
{
	c->holds++;
}

void context_release(struct context *c)
{
	if (--c->holds)
		return;
	drop(c->snapshot);
	drop(c->spare);
	drop(c->next);
	list_remove(&c->link);
	account_credit(c->account, 1);
	c->object->context = NULL;
	object_release(c->object);
	if (c->key)
		object_release(c->key);
	cache_give(&contexts, c);
}

void context_abandon(struct thread *t)
{
	if (t->prepares)
		context_release(t->prepares);
	t->prepares = NULL;
}

/* A snapshot that is being made already may have missed what was stored before this call. */
static int begin(struct thread *t, struct object *object, bool fresh)
{
	struct context *c;
	int error = context_of(object, &c);

	if (error)
		return error;
	t->prepares = c;
	t->fresh = fresh;
	t->round = fresh && KSTEP("publish-anew") ? c->round + 1 + !!c->next : 1;
	return 0;
}

/* A call that was broken off by a fault at its instruction may be followed by one on another context. */
static void keep_only(struct thread *t, const struct object *object, bool fresh)
{
	if (t->prepares && (t->prepares->object != object || t->fresh != fresh) &&
	    KSTEP("same-context"))
		context_abandon(t);
}

int context_prepare(struct thread *t, struct object *object, bool fresh, struct context **context)
{
	int error = 0;

	keep_only(t, object, fresh);
	if (object->identity.type != TWZ_TYPE_CONTEXT && KSTEP("context-type"))
		error = TWZ_E_TYPE;
	else if (!t->prepares)
		error = begin(t, object, fresh);
	if (!error && t->prepares->round < t->round) {
		error = make_some(t->prepares);
		if (!error)
			return SYSCALL_AGAIN;
	}
	if (error) {
		context_abandon(t);
		return error;
	}
	*context = t->prepares;
	t->prepares = NULL;
	return 0;
}

void context_keep(struct thread *t, struct context *c)
{
	context_hold(c);
	t->prepares = c;
	t->fresh = false;
	t->round = 0;
}

void context_deleted(struct object *object)
{
	if (!object->context || !KSTEP("deleted-gives-nothing"))
		return;
	object->context->rights.bytes = 0;
	object->context->round++; /* who would enter it has to decide anew */
	right_open(&object->context->rights);
}

/* ---- subjects ------------------------------------------------------------------------------------ */

struct twz_id subject_key(const struct subject *s)
{
	const struct context *active = subject_active(s);

	return active ? active->object->identity.key : (struct twz_id){0};
}

void subject_renew(struct subject *s)
{
	s->stamp = last_stamp += STAMP_STEP;
	alarm_cancel(&s->expiry);
}

static void renew_members(const struct context *c)
{
	for (struct list *l = c->members.next; l != &c->members && KSTEP("members"); l = l->next)
		subject_renew(list_of(l, struct member, link)->subject);
}

void subject_renew_all(void)
{
	for (struct list *l = all.next; l != &all; l = l->next)
		renew_members(list_of(l, struct context, link));
	view_renew();
}

void context_published(struct context *c)
{
	renew_members(c);
	view_renew();
}

static bool alike(const struct subject *a, const struct subject *b)
{
	if (a->count != b->count || a->active != b->active)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->member[i].context != b->member[i].context ||
		    a->member[i].undetachable != b->member[i].undetachable)
			return false;
	return true;
}

struct subject *subject_none(void)
{
	subject_hold(&nobody);
	return &nobody;
}

static int subject_new(const struct subject *wanted, struct subject **out)
{
	struct account *account;
	struct subject *s;
	int error = account_charge_key(subject_key(wanted), 1, &account);

	if (error)
		return error;
	s = cache_take(&subjects);
	if (!s) {
		account_credit(account, 1);
		return TWZ_E_NOMEM;
	}
	s->account = account;
	s->holds = 1;
	s->count = wanted->count;
	s->active = wanted->active;
	for (uint32_t i = 0; i < s->count; i++) {
		struct context *c = wanted->member[i].context;

		s->member[i] = (struct member){
			.subject = s, .context = c, .undetachable = wanted->member[i].undetachable};
		list_add_last(&c->members, &s->member[i].link);
		context_hold(c);
	}
	subject_renew(s);
	*out = s;
	return 0;
}

/* The subject that is like this one, held; made if there is none. */
static int subject_like(const struct subject *wanted, struct subject **out)
{
	struct list *same, *l;

	if (!wanted->count) {
		*out = subject_none();
		return 0;
	}
	same = &wanted->member[0].context->members;
	for (l = same->next; l != same; l = l->next) {
		*out = list_of(l, struct member, link)->subject;
		if (alike(*out, wanted)) {
			subject_hold(*out);
			return 0;
		}
	}
	return subject_new(wanted, out);
}

void subject_release(struct subject *s)
{
	if (--s->holds)
		return;
	alarm_cancel(&s->expiry);
	for (uint32_t i = 0; i < s->count; i++) {
		list_remove(&s->member[i].link);
		context_release(s->member[i].context);
	}
	account_credit(s->account, 1);
	cache_give(&subjects, s);
}

int subject_boot(struct object *object, struct subject **subject)
{
	struct subject wanted = {.count = 1};
	struct context *c;
	int error = context_of(object, &c);

	if (error)
		return error;
	wanted.member[0].context = c;
	while (!error && !c->snapshot)
		error = make_some(c);
	if (!error)
		error = subject_like(&wanted, subject);
	context_release(c);
	return error;
}

/* The index of the object's context, or `count`. */
static uint32_t index_of(const struct subject *s, const struct object *object)
{
	uint32_t i = 0;

	while (i < s->count && s->member[i].context->object != object)
		i++;
	return i;
}

struct object *context_attached(const struct thread *t, struct twz_id id)
{
	for (uint32_t i = 0; i < t->subject->count; i++) {
		struct object *o = t->subject->member[i].context->object;

		if (o->id.lo == id.lo && o->id.hi == id.hi)
			return o;
	}
	return NULL;
}

static void add(struct subject *s, struct context *c, bool undetachable)
{
	s->member[s->count].context = c;
	s->member[s->count++].undetachable = undetachable;
}

/* A context may say of itself that it is not to be left. */
static bool undetachable_by_itself(const struct context *c)
{
	const struct twz_context *header = snapshot_at(&c->rights, TWZ_OBJ_DATA, sizeof(*header));

	return header && header->flags & TWZ_CONTEXT_UNDETACHABLE && KSTEP("by-itself");
}

/* The same for who is `from` now, which may leave its limits only for another key. */
static int subject_from(const struct subject *from, const struct subject *wanted,
			struct subject **subject)
{
	const struct twz_id key = subject_key(wanted);
	int error = key.lo | key.hi ? 0 : account_unlimited(subject_key(from));

	return error ? error : subject_like(wanted, subject);
}

/* The thread is of the subject like `wanted` from now on. */
static int go_over(struct thread *t, const struct subject *wanted)
{
	struct subject *s;
	int error = subject_from(t->subject, wanted, &s);

	if (error)
		return error;
	error = thread_change(t, t->view->object, s);
	subject_release(s);
	return error;
}

int context_attach(struct thread *t, struct context *c, uint32_t flags)
{
	struct subject wanted = *t->subject;

	if (KSTEP("attached-once") && index_of(&wanted, c->object) < wanted.count)
		return TWZ_E_EXISTS;
	if (KSTEP("attach-limit") && wanted.count == TWZ_ATTACH_MAX)
		return TWZ_E_LIMIT;
	if (flags & TWZ_ATTACH_ACTIVE)
		wanted.active = wanted.count;
	else if (wanted.active == wanted.count)
		wanted.active = TWZ_ATTACH_MAX; /* none, as before */
	add(&wanted, c, flags & TWZ_ATTACH_UNDETACHABLE || undetachable_by_itself(c));
	if (wanted.active > wanted.count)
		wanted.active = wanted.count;
	return go_over(t, &wanted);
}

int context_subject(const struct thread *creator, struct context *c, bool stays,
		    struct subject **subject)
{
	const struct subject *s = creator->subject;
	uint32_t at = index_of(s, c->object);
	struct subject wanted = {0};

	stays |= undetachable_by_itself(c) ||
		 (KSTEP("stays") && at < s->count && s->member[at].undetachable);
	for (uint32_t i = 0; KSTEP("limits-inherited") && i < s->count; i++)
		if (i != at && s->member[i].undetachable)
			add(&wanted, s->member[i].context, true);
	if (KSTEP("inherit-limit") && wanted.count == TWZ_ATTACH_MAX)
		return TWZ_E_LIMIT;
	wanted.active = wanted.count;
	add(&wanted, c, stays);
	return subject_from(s, &wanted, subject);
}

int context_entered(const struct thread *t, struct context *c, bool in_place,
		    struct subject **subject)
{
	const struct subject *s = t->subject;
	uint32_t at = in_place ? index_of(s, c->object) : 0;
	struct subject wanted = {0};

	if (in_place)
		wanted = *s;
	if (at == TWZ_ATTACH_MAX)
		return TWZ_E_LIMIT;
	if (at == wanted.count)
		add(&wanted, c, undetachable_by_itself(c));
	wanted.active = at;
	return subject_from(s, &wanted, subject);
}

/* What is left when context i goes: the one attached last is active if i was. */
static void without(struct subject *s, uint32_t i)
{
	bool was_active = s->active == i;

	s->count--;
	for (uint32_t k = i; k < s->count; k++)
		s->member[k] = s->member[k + 1];
	if (was_active)
		s->active = s->count ? s->count - 1 : 0;
	else if (s->active > i)
		s->active--;
}

struct object *context_after_detach(const struct thread *t, const struct object *object)
{
	struct subject s = *t->subject;
	uint32_t i = index_of(&s, object);

	if (i < s.count)
		without(&s, i);
	return subject_active(&s) ? subject_active(&s)->object : NULL;
}

int context_detach(struct thread *t, const struct object *object)
{
	struct subject wanted = *t->subject;
	uint32_t i = index_of(&wanted, object);

	if (i == wanted.count)
		return TWZ_E_NOTFOUND;
	if (KSTEP("undetachable") && wanted.member[i].undetachable)
		return TWZ_E_BUSY;
	without(&wanted, i);
	return go_over(t, &wanted);
}

int context_switch(struct thread *t, const struct object *object)
{
	struct subject wanted = *t->subject;
	uint32_t i = index_of(&wanted, object);

	if (i == wanted.count)
		return TWZ_E_NOTFOUND;
	wanted.active = i;
	return go_over(t, &wanted);
}
