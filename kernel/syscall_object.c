/* syscall_object.c - the system calls on objects (syscall.h). */
#include "abi/rt.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/account.h"
#include "kernel/console.h"
#include "kernel/freeze.h"
#include "kernel/nvm.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/tie.h"
#include "kernel/view.h"

#define TOUCH_STEP 64u     /* pages */
#define LONG_CYCLES 20000u /* a call that took so long and is not done lets others go on */

/* ---- objects ------------------------------------------------------------------------------------- */

static bool pages_good(uint64_t page, uint64_t pages)
{
	return !KSTEP("page-range") || (page < OBJECT_PAGES && pages <= OBJECT_PAGES - page);
}

/* Threads and devices are the kernel's to make. */
static bool type_good(uint32_t type)
{
	return type <= TWZ_TYPE_DEVICE &&
	       !(KSTEP("kernels-types") && (type == TWZ_TYPE_THREAD || type == TWZ_TYPE_DEVICE));
}

static bool new_good(const struct twz_sys_new *new)
{
	return type_good(new->type) && !(new->perms & ~TWZ_PERM_ALL) &&
	       !(new->flags & ~(TWZ_OBJECT_ENDING | TWZ_OBJECT_VOLATILE)) &&
	       tie_flags_good(new->tie_flags) && !(none(new->tie) && new->tie_flags) &&
	       pages_good(new->page, new->npages) && new->npages <= 512 &&
	       !(new->page == 0 && new->npages);
}

/* A new object, tied to `to` if that is not null. */
static int new_volatile(struct thread *t, const struct twz_sys_new *new, struct object *to,
			struct twz_id *id)
{
	struct object *o;
	int error = object_new(new->type, new->perms, new->key, t->subject->account, &o);

	if (error)
		return error;
	*id = o->id;
	for (uint64_t i = 0; !error && i < new->npages; i++)
		error = object_touch(o, new->page + i);
	if (!error && to)
		error = tie_make(o, to, new->tie_flags, t->subject->account);
	if (error)
		object_delete(o);
	object_release(o);
	return error;
}

/* One that ends with the epoch, to one that is not in the store. */
static int tie_made(struct thread *t, struct twz_id id, struct object *to, uint32_t flags)
{
	struct object *o;
	int error = object_find(id, &o);

	if (error)
		return error;
	error = tie_make(o, to, flags, t->subject->account);
	if (error)
		object_delete(o);
	object_release(o);
	return error;
}

/* In the store it is tied in the update that makes it. */
static int new_persistent(struct thread *t, const struct twz_sys_new *new, struct object *to,
			  struct twz_id *id)
{
	const bool stored = to && to->medium->persistent, ends = to && !stored;
	int error;

	if (stored ? new->tie_flags &TWZ_TIE_SCOPED
		   : ends && !(new->flags &TWZ_OBJECT_ENDING || new->tie_flags &TWZ_TIE_ENDING))
		return TWZ_E_ARG;
	error = nvm_create(&(struct store_new){.type = new->type,
					       .perms = new->perms,
					       .key = new->key,
					       .ending = ends || new->flags &TWZ_OBJECT_ENDING,
					       .page = new->page,
					       .npages = new->npages,
					       .tie = stored ? to->ref : 0,
					       .tie_flags = new->tie_flags},
			   id);
	return error || !ends ? error : tie_made(t, *id, to, new->tie_flags);
}

static int new_object(struct thread *t, const struct twz_sys_new *new, struct twz_id *id)
{
	struct object *to = NULL;
	int error = none(new->tie) ? 0 : object_get(t, new->tie, 0, &to);

	if (error)
		return error;
	error = new->flags &TWZ_OBJECT_VOLATILE ? new_volatile(t, new, to, id)
						: new_persistent(t, new, to, id);
	if (to)
		object_release(to);
	return error;
}

int64_t sys_object_new(struct thread *t, struct regs *r)
{
	struct twz_sys_new new;
	struct twz_id id;
	int error = user_read(&new, A0(r), sizeof(new));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0}); /* it can be written */
	if (error)
		return error;
	if (!new_good(&new))
		return TWZ_E_ARG;
	if (!none(new.key))
		error = account_may(t, new.key, KSTEP("key-use") ? TWZ_USE : 0);
	else if (!(new.flags &TWZ_OBJECT_VOLATILE))
		error = account_unlimited(subject_key(t->subject));
	if (!error)
		error = new_object(t, &new, &id);
	return error ? error : give_id(A1(r), id);
}

int64_t sys_object_delete(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_DELETE, &o);

	if (error)
		return error;
	error = object_delete(o);
	object_release(o);
	if (error == TWZ_E_BUSY &&
	    thread_work) /* a key: what was made under it is still to be freed */
		return SYSCALL_AGAIN;
	return error;
}

int64_t sys_object_keep(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_DELETE, &o);

	if (error)
		return error;
	error = !o->medium->persistent            ? TWZ_E_TYPE
		: o->ties && KSTEP("keep-untied") ? TWZ_E_BUSY
						  : nvm_keep(o);
	object_release(o);
	return error;
}

/* After a bounded part of a long call: is there time for another one? */
static bool go_on(uint64_t start)
{
	return cycles() - start < LONG_CYCLES;
}

/* ---- pages --------------------------------------------------------------------------------------- */

/* Of these pages *all are done already. */
static int copy_some(const struct twz_sys_copy *c, struct object *dst, struct object *src,
		     uint64_t *all)
{
	uint64_t start = cycles(), done;

	do {
		int error = dst->medium->copy(dst, c->dst_page + *all, src, c->src_page + *all,
					      c->pages - *all, &done);

		*all += done;
		if (error)
			return error;
	} while (*all < c->pages && go_on(start));
	return 0;
}

/* 0: done; SYSCALL_AGAIN. */
static int64_t copy(struct thread *t, const struct twz_sys_copy *c, struct object *dst,
		    struct object *src, uint64_t *all)
{
	int error;

	if (dst == src || object_sealed(dst))
		return dst == src ? TWZ_E_RANGE : TWZ_E_SEALED;
	error = *all ? freeze_go_on(t, dst, src) : freeze_begin(t, dst, src);
	if (!error)
		error = copy_some(c, dst, src, all);
	return error ? error : *all < c->pages ? SYSCALL_AGAIN : 0;
}

static bool copy_good(const struct twz_sys_copy *c, uint64_t done)
{
	return !c->reserved && c->dst_page && c->src_page && pages_good(c->dst_page, c->pages) &&
	       pages_good(c->src_page, c->pages) && done <= c->pages;
}

int64_t sys_object_copy(struct thread *t, struct regs *r)
{
	struct object *dst, *src = NULL;
	struct twz_sys_copy c;
	int64_t result = user_read(&c, A0(r), sizeof(c));

	if (!result && !copy_good(&c, A1(r)))
		result = TWZ_E_ARG;
	if (!result)
		result = object_get(t, c.src, TWZ_READ, &src);
	if (!result)
		result = object_get(t, c.dst, TWZ_WRITE, &dst);
	if (!result) {
		result = copy(t, &c, dst, src, &A1(r));
		object_release(dst);
	}
	if (src)
		object_release(src);
	if (result != SYSCALL_AGAIN && !right_waits())
		freeze_end(t);
	return result;
}

/* Objects of different mediums share holes only. */
static int same(const struct twz_sys_copy *c, struct object *a, struct object *b,
		struct store_shared *shared)
{
	uint64_t a_hole, b_hole;

	if (a->medium == b->medium)
		return a->medium->same(a, c->dst_page, b, c->src_page, c->pages, shared);
	a_hole = a->medium->next(a, c->dst_page, c->dst_page + c->pages) - c->dst_page;
	b_hole = b->medium->next(b, c->src_page, c->src_page + c->pages) - c->src_page;
	*shared = (struct store_shared){.pages = a_hole < b_hole ? a_hole : b_hole};
	return 0;
}

int64_t sys_object_same(struct thread *t, struct regs *r)
{
	struct twz_sys_shared out = {0};
	struct store_shared shared;
	struct object *a, *b;
	struct twz_sys_copy c;
	int error = user_read(&c, A0(r), sizeof(c));

	if (!error && !copy_good(&c, 0))
		error = TWZ_E_ARG;
	if (!error)
		error = object_get(t, c.dst, TWZ_READ, &a);
	if (error)
		return error;
	error = object_get(t, c.src, TWZ_READ, &b);
	if (!error) {
		error = same(&c, a, b, &shared);
		out = (struct twz_sys_shared){shared.pages, shared.present};
		object_release(b);
	}
	object_release(a);
	return error ? error : user_write(A1(r), &out, sizeof(out));
}

static int change_waits(struct thread *t, struct object *o)
{
	freeze_wait(t, o);
	return TWZ_E_BUSY;
}

/* Drop and limit: on pages from A2, A3 many, which move on with the work. */
static int64_t change_pages(struct thread *t, struct regs *r, bool drop)
{
	uint64_t start = cycles(), done;
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_WRITE, &o);

	if (error)
		return error;
	if (!pages_good(A2(r), A3(r)) || (!drop && A4(r) & ~7ull))
		error = TWZ_E_ARG;
	else if (object_sealed(o))
		error = TWZ_E_SEALED;
	else if (o->frozen && A3(r))
		error = change_waits(t, o);
	while (!error && A3(r) && go_on(start)) {
		error = drop ? o->medium->drop(o, A2(r), A3(r), &done)
			     : o->medium->limit(o, A2(r), A3(r), (uint32_t)A4(r), &done);
		A2(r) += done;
		A3(r) -= done;
	}
	object_release(o);
	return error ? error : A3(r) ? SYSCALL_AGAIN : 0;
}

int64_t sys_object_drop(struct thread *t, struct regs *r)
{
	return change_pages(t, r, true);
}

int64_t sys_object_limit(struct thread *t, struct regs *r)
{
	return change_pages(t, r, false);
}

int64_t sys_object_seal(struct thread *t, struct regs *r)
{
	struct twz_sys_seal seal;
	struct object *src;
	struct twz_id id;
	int error = user_read(&seal, A0(r), sizeof(seal));

	if (!error)
		error = give_id(A1(r), (struct twz_id){0}); /* it can be written */
	if (error)
		return error;
	if (seal.perms & ~TWZ_PERM_ALL || !type_good(seal.type))
		return TWZ_E_ARG;
	error = object_get(t, seal.src, TWZ_READ, &src);
	if (error)
		return error;
	error = account_unlimited(subject_key(t->subject));
	if (!error)
		error = nvm_seal(src, seal.size, seal.type, seal.perms, &id);
	object_release(src);
	return error ? error : give_id(A1(r), id);
}

/* The digests once, then part for part. A4: the digests are good. */
static int verify(struct object *o, struct regs *r)
{
	const uint64_t end = (TWZ_OBJ_DATA + o->identity.size + TWZ_PAGE - 1) / TWZ_PAGE;
	uint64_t start = cycles(), next;
	int error = A4(r) ? 0 : nvm_verify_digests(o);

	if (!error && A2(r) >= end)
		error = TWZ_E_RANGE;
	if (error)
		return error;
	A4(r) = 1;
	if (A3(r) > end - A2(r))
		A3(r) = end - A2(r);
	while (A3(r) && go_on(start)) {
		error = nvm_verify_part(o, A2(r), &next);
		if (error)
			return error;
		if (next > A2(r) + A3(r))
			next = A2(r) + A3(r);
		A3(r) -= next - A2(r);
		A2(r) = next;
	}
	return 0;
}

int64_t sys_object_verify(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_READ, &o);

	if (error)
		return error;
	if (!pages_good(A2(r), A3(r)) || A4(r) > 1)
		error = TWZ_E_ARG;
	else if (!object_sealed(o) || !o->medium->persistent)
		error = TWZ_E_TYPE;
	else
		error = verify(o, r);
	object_release(o);
	return error ? error : A3(r) ? SYSCALL_AGAIN : 0;
}

int64_t sys_object_stat(struct thread *t, struct regs *r)
{
	struct twz_rt_stat stat = {0};
	struct object *o;
	int error = object_get(t, id_argument(r), 0, &o);

	if (error)
		return error;
	stat.id = o->id;
	stat.identity = o->identity;
	stat.npages = o->medium->npages(o);
	stat.end_epoch = o->medium->persistent ? nvm_end_epoch(o) : nvm_epoch;
	object_release(o);
	return user_write(A2(r), &stat, sizeof(stat));
}

int64_t sys_object_sync(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_READ, &o);

	if (error)
		return error;
	error = o->medium->persistent ? nvm_sync(o) : 0;
	object_release(o);
	return error;
}

int64_t sys_object_settle(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_READ, &o);

	if (error)
		return error;
	error = o->medium->persistent ? nvm_settle(o) : 0;
	object_release(o);
	return error;
}

/* As a store by the program, page by page. */
int64_t sys_object_touch(struct thread *t, struct regs *r)
{
	for (unsigned i = 0; A1(r) && i < TOUCH_STEP; i++) {
		uint64_t n = TWZ_PAGE - A0(r) % TWZ_PAGE;
		struct twz_fault fault = {.access = TWZ_VIEW_WRITE};

		if (!user_range(A0(r), A1(r)))
			return TWZ_E_OUTSIDE;
		if (!view_touch(t, A0(r), &fault))
			return fault.error == TWZ_E_NOTFOUND ? TWZ_E_OUTSIDE : fault.error;
		if (n > A1(r))
			n = A1(r);
		A0(r) += n;
		A1(r) -= n;
	}
	return A1(r) ? SYSCALL_AGAIN : 0;
}

/* What does not last would leave the store without a root. */
int64_t sys_root_set(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_WRITE, &o);

	if (error)
		return error;
	if (!o->medium->persistent || o->identity.type != TWZ_TYPE_NAMESPACE)
		error = TWZ_E_TYPE;
	else
		error = syscall_may(t, machine_id(), TWZ_USE);
	if (!error)
		error = nvm_end_epoch(o) ? TWZ_E_ARG : nvm_root(o->id, true, NULL);
	object_release(o);
	return error;
}
