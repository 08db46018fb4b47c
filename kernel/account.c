/* account.c - accounts of frames (account.h). */
#include "kernel/arch/x86_64/user.h"
#include "kernel/account.h"
#include "kernel/console.h"
#include "kernel/heap.h"
#include "kernel/nvm.h"
#include "kernel/object.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"

#define BUCKETS 64u

/* One frame each is never given back, so they do not end. */
struct account account_kernel = {.frames = 1, .limit = ACCOUNT_UNLIMITED};
struct account account_none = {.frames = 1, .limit = ACCOUNT_UNLIMITED};

static struct cache accounts = CACHE(struct account);
static struct account *bucket[BUCKETS];
static struct account *last = &account_none; /* that was asked for */

static struct account **place_of(struct twz_id key)
{
	struct account **a = &bucket[(key.lo ^ key.hi >> 32) % BUCKETS];

	while (*a && ((*a)->key.lo != key.lo || (*a)->key.hi != key.hi))
		a = &(*a)->next;
	return a;
}

static uint64_t limit_of(uint64_t kept)
{
	return kept ? kept : ACCOUNT_UNLIMITED;
}

/* A new one, with its limit. */
static int make(struct twz_id key, struct account **account)
{
	struct twz_account kept;
	struct account *a;
	int error = nvm_account(key, &kept);

	if (error)
		return error;
	a = cache_take(&accounts);
	if (!a)
		return TWZ_E_NOMEM;
	a->key = key;
	a->limit = limit_of(kept.frame_limit);
	*place_of(key) = a;
	*account = a;
	return 0;
}

int account_charge_key(struct twz_id key, uint64_t frames, struct account **account)
{
	struct account *a = last;
	int error;

	if (a->key.lo != key.lo || a->key.hi != key.hi) {
		a = key.lo | key.hi ? *place_of(key) : &account_none;
		error = a ? 0 : make(key, &a);
		if (error)
			return error;
		last = a;
	}
	*account = a;
	return account_charge(a, frames) ? 0 : TWZ_E_LIMIT;
}

void account_end(struct account *a)
{
	*place_of(a->key) = a->next;
	if (last == a)
		last = &account_none;
	cache_give(&accounts, a);
}

/* It is charged already, so that it does not end when all else of it is freed here. */
bool account_charge_slow(struct account *a, uint64_t frames)
{
	if (!KSTEP("frame-limit"))
		return true;
	while (a->frames > a->limit && object_reclaim_of(a))
		;
	if (a->frames <= a->limit)
		return true;
	account_credit(a, frames);
	return false;
}

/* ---- frames -------------------------------------------------------------------------------------- */

/* There is none, but the kernel's own may be of the reserve. All zero, for whoever wants it so. */
uint64_t account_take_scarce(struct account *a)
{
	uint64_t frame = a == &account_kernel ? ram_take_reserved() : 0;

	if (frame)
		ram_zero(frame);
	else
		account_credit(a, 1);
	return frame;
}

/* ---- calls --------------------------------------------------------------------------------------- */

int account_may(struct thread *t, struct twz_id key, uint32_t want)
{
	struct object *o;
	int error = object_get(t, key, want, &o);

	if (error)
		return error;
	error = right_is_key(&o->identity) || !KSTEP("key-type") ? 0 : TWZ_E_TYPE;
	object_release(o);
	return error;
}

int account_unlimited(struct twz_id key)
{
	struct twz_account kept;
	int error = key.lo | key.hi ? nvm_account(key, &kept) : TWZ_E_NOTFOUND;

	if (error)
		return error == TWZ_E_NOTFOUND ? 0 : error;
	return KSTEP("uncharged") && (kept.limit || kept.frame_limit) ? TWZ_E_LIMIT : 0;
}

static int may_divide(struct thread *t)
{
	struct object *o;
	int error;

	if (!KSTEP("limit-right"))
		return 0;
	error = object_get(t, machine_id(), TWZ_USE, &o);
	if (!error)
		object_release(o);
	return error;
}

/* Who decides on the machine says how it is divided. */
int64_t sys_key_limit(struct thread *t, struct regs *r)
{
	const struct twz_id key = {.lo = r->rdi, .hi = r->rsi};
	const uint64_t pages = r->rdx, frames = r->r10;
	struct account *a;
	int error = account_may(t, key, 0);

	if (!error)
		error = may_divide(t);
	if (!error)
		error = nvm_limit_key(key, pages, frames);
	if (error)
		return error;
	a = *place_of(key);
	if (a)
		a->limit = limit_of(frames);
	return 0;
}

int64_t sys_key_account(struct thread *t, struct regs *r)
{
	const struct twz_id key = {.lo = r->rdi, .hi = r->rsi};
	struct twz_sys_account out = {0};
	const struct account *a;
	struct twz_account kept;
	int error = account_may(t, key, 0);

	if (error)
		return error;
	if (object_reap() || nvm_drain())
		return SYSCALL_AGAIN; /* what is to be freed does not count */
	error = nvm_account(key, &kept);
	if (error)
		return error;
	a = *place_of(key);
	out.frames = a ? a->frames : 0;
	out.frame_limit = kept.frame_limit;
	out.pages = kept.pages;
	out.page_limit = kept.limit;
	out.objects = kept.objects;
	return user_write(r->rdx, &out, sizeof(out));
}
