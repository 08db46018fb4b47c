/*
 * account.h - accounts: the frames of DRAM that are used under a key, and how many may be.
 *
 * What is charged: each frame of a volatile object, pages and tables, shared ones in full to each that
 * shares them; page tables of spaces; and one frame for each record that a program can make the kernel
 * keep: an object (with its grants), a slot in use, a view, a subject, a context; two for a thread, three
 * for a large place. Tables of persistent objects are a cache, and the kernel's own.
 * An object is charged to the account of its key; one without a key, to that of the subject that made
 * it; what a thread has mapped, to its subject's.
 *
 * An account is there while something is charged to it: so whoever keeps a pointer to one has charged
 * something. Its limit is kept in the store (struct twz_account), and read when it comes to be.
 * Lowered below what is used, a limit ends growth and nothing else.
 *
 * Over a limit, what was deleted under it is freed first; then whatever would grow fails. What frees
 * something never meets a limit.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_ACCOUNT_H
#define KERNEL_ACCOUNT_H

#include "abi/errors.h"
#include "kernel/ram.h"

struct regs;
struct thread;

struct account {
	uint64_t frames;
	uint64_t limit; /* ~0: none */
	struct twz_id key;
	struct account *next; /* in the hash */
};

#define ACCOUNT_UNLIMITED (~0ull)

/*
 * The kernel's own, which may take the frames that are reserved for it (ram.h), and the one for
 * whoever acts under no key. Both always there, without a limit.
 */
extern struct account account_kernel, account_none;

/*
 * Charges so many frames to the key's account, which is made if there is none. The zero key:
 * account_none. TWZ_E_LIMIT, TWZ_E_NOMEM, TWZ_E_DAMAGED: the limit cannot be read.
 */
int account_charge_key(struct twz_id key, uint64_t frames, struct account **account);

/* What may bring it back below its limit was tried already. */
bool account_charge_slow(struct account *a, uint64_t frames);
void account_end(struct account *a);

/* False: over the limit. */
static inline bool account_charge(struct account *a, uint64_t frames)
{
	a->frames += frames;
	return __builtin_expect(a->frames <= a->limit, 1) || account_charge_slow(a, frames);
}

/* Charged no longer; with the last of it the account goes. */
static inline void account_credit(struct account *a, uint64_t frames)
{
	a->frames -= frames;
	if (__builtin_expect(!a->frames, 0))
		account_end(a);
}

uint64_t account_take_scarce(struct account *a);

/* A frame, charged; 0: account_error says why not. */
static inline uint64_t account_take(struct account *a)
{
	uint64_t frame;

	if (!account_charge(a, 1))
		return 0;
	frame = ram_take();
	return __builtin_expect(frame != 0, 1) ? frame : account_take_scarce(a);
}

static inline uint64_t account_take_zero(struct account *a)
{
	uint64_t frame;

	if (!account_charge(a, 1))
		return 0;
	frame = ram_take_zero();
	return __builtin_expect(frame != 0, 1) ? frame : account_take_scarce(a);
}

/* One holder fewer, charged no longer. */
static inline void account_give(struct account *a, uint64_t frame)
{
	ram_give(frame);
	account_credit(a, 1);
}

/* Why there was no frame: TWZ_E_LIMIT or TWZ_E_NOMEM. */
static inline int account_error(const struct account *a)
{
	return a->frames >= a->limit ? TWZ_E_LIMIT : TWZ_E_NOMEM;
}

/* The ID is that of a key to which the thread has this right, or any (0). object_get's errors, TWZ_E_TYPE. */
int account_may(struct thread *t, struct twz_id key, uint32_t want);

/*
 * 0 if nothing limits what is under the key, as for the zero one. Else TWZ_E_LIMIT: who acts as it does
 * nothing that is charged to nobody, which would be a way out: no lasting object without a key, no sealed
 * one, so no key of its own; no acting without a key.
 */
int account_unlimited(struct twz_id key);

int64_t sys_key_limit(struct thread *t, struct regs *regs);
int64_t sys_key_account(struct thread *t, struct regs *regs);

#endif
