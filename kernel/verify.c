/*
 * verify.c - verification of signatures (verify.h).
 *
 * A verifying thread is a thread whose registers are the kernel's: code verify_main, a stack of its own,
 * interrupts on. It is interrupted and rescheduled like any other. It has no state between two jobs:
 * when there is none it sleeps, and begins anew at verify_main when it is woken.
 */
#include "core/cap.h"
#include "core/crypto.h"
#include "core/mem.h"
#include "kernel/heap.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/object.h"
#include "kernel/random.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/verify.h"

#define THREADS 2u
#define STACK 24576u
#define SETS 256u /* of the verdicts that are kept */
#define WAYS 4u
#define PLACES 512u

struct job {
	struct list link;
	struct twz_cap cap;
	uint8_t key[32];
	struct twz_id hash;
	struct twz_id payer;  /* the key of who wanted it first */
	struct list sleepers; /* threads, by their queue link */
	bool taken;
};

static struct known {
	struct twz_id hash;
	bool good, valid;
} known[SETS][WAYS];
static unsigned oldest[SETS];
static uint64_t set_key; /* odd; so nobody can choose what falls into another's set */

/* By place: signatures, and parents. Good for one `places` only, so what is gone matches nothing. */
static struct place {
	const struct twz_cap *cap;
	uint64_t places;
	bool good;
} signature[PLACES], parentage[PLACES];
static uint64_t places = 1;

static struct cache jobs = CACHE(struct job);
static struct list queue = {&queue, &queue};
static struct thread *verifier[THREADS];
static uint8_t stacks[THREADS][STACK] __attribute__((aligned(4096)));
uint64_t verifications;

static struct twz_id hash_of(const struct twz_cap *cap)
{
	struct twz_id hash;

	crypto_hash(&hash, sizeof(hash), TWZ_HASH_CAP, cap, sizeof(*cap));
	return hash;
}

static unsigned set_of(struct twz_id hash)
{
	return (unsigned)(hash.lo * set_key >> 32) % SETS;
}

static struct known *find_known(struct twz_id hash)
{
	struct known *set = known[set_of(hash)];

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].valid && set[i].hash.lo == hash.lo && set[i].hash.hi == hash.hi)
			return &set[i];
	return NULL;
}

/* The public key that an ID names. False: there is none, or it is not genuine. */
static bool key_of(struct twz_id signer, uint8_t key[static 32])
{
	const struct twz_key *k;
	struct object *o;
	bool good;

	if (object_find(signer, &o))
		return false;
	k = right_is_key(&o->identity) && nvm_genuine(o)
		    ? o->medium->look(o, TWZ_OBJ_DATA / TWZ_PAGE)
		    : NULL;
	good = k && k->magic == TWZ_KEY_MAGIC && k->version == 1 && k->alg == TWZ_ALG_ED25519;
	if (good)
		memcpy(key, k->key, 32);
	object_release(o);
	return good;
}

/* The record's hash is known, and the key that it names is there. */
static __attribute__((noinline)) enum right_verdict verdict_by_hash(const struct twz_cap *cap)
{
	const struct known *k = find_known(hash_of(cap));
	uint8_t key[32];

	return k && key_of(cap->signer, key) ? k->good ? RIGHT_GOOD : RIGHT_BAD : RIGHT_UNKNOWN;
}

static struct place *place_of(struct place *table, const struct twz_cap *cap)
{
	return &table[(uint64_t)cap / 64 % PLACES];
}

static bool is_known(const struct place *p, const struct twz_cap *cap)
{
	return p->cap == cap && p->places == places;
}

enum right_verdict verify_verdict(const struct twz_cap *cap)
{
	struct place *p = place_of(signature, cap);
	enum right_verdict verdict;

	if (is_known(p, cap))
		return p->good ? RIGHT_GOOD : RIGHT_BAD;
	verdict = verdict_by_hash(cap);
	if (verdict != RIGHT_UNKNOWN)
		*p = (struct place){cap, places, verdict == RIGHT_GOOD};
	return verdict;
}

enum right_verdict verify_parent(const struct twz_cap *link, const struct twz_cap *parent)
{
	struct place *p = place_of(parentage, link);

	if (!is_known(p, link))
		*p = (struct place){link, places, cap_is_parent(parent, link)};
	return p->good ? RIGHT_GOOD : RIGHT_BAD;
}

void verify_forget_places(void)
{
	places++;
}

static void remember(struct twz_id hash, bool good)
{
	unsigned set = set_of(hash);

	known[set][oldest[set]++ % WAYS] =
		(struct known){.hash = hash, .good = good, .valid = true};
}

static struct job *job_of(struct twz_id hash)
{
	for (struct list *l = queue.next; l != &queue; l = l->next) {
		struct job *job = list_of(l, struct job, link);

		if (job->hash.lo == hash.lo && job->hash.hi == hash.hi)
			return job;
	}
	return NULL;
}

static struct job *job_new(const struct thread *t, const struct twz_cap *cap, struct twz_id hash)
{
	struct job *job = cache_take(&jobs);

	if (!job)
		return NULL;
	job->cap = *cap;
	job->hash = hash;
	job->payer = subject_key(t->subject);
	list_init(&job->sleepers);
	if (!key_of(cap->signer, job->key)) {
		cache_give(&jobs, job);
		return NULL;
	}
	list_add_last(&queue, &job->link);
	return job;
}

bool verify_wait(struct thread *t, const struct twz_cap *cap)
{
	struct twz_id hash = hash_of(cap);
	struct job *job = job_of(hash);

	if (t->later) /* it waits for another one already */
		return true;
	if (!job)
		job = job_new(t, cap, hash);
	if (!job)
		return false;
	t->later = true;
	thread_sleep(t);
	list_add_last(&job->sleepers, &t->queue);
	for (unsigned i = 0; i < THREADS; i++)
		if (verifier[i]->sleeps) {
			thread_wake(verifier[i]);
			break;
		}
	return true;
}

/* Keys take turns: the others of this key go to the end, in their order. */
static void end_turn(struct twz_id payer)
{
	struct list *last = queue.before, *l = queue.next, *next;

	for (bool more = l != &queue; more; l = next) {
		struct job *job = list_of(l, struct job, link);

		next = l->next;
		more = l != last;
		if (job->payer.lo != payer.lo || job->payer.hi != payer.hi)
			continue;
		list_remove(l);
		list_add_last(&queue, l);
	}
}

static struct job *take_job(void)
{
	for (struct list *l = queue.next; l != &queue; l = l->next) {
		struct job *job = list_of(l, struct job, link);

		if (job->taken)
			continue;
		job->taken = true;
		if (KSTEP("verify-turns"))
			end_turn(job->payer);
		return job;
	}
	return NULL;
}

static void finish(struct job *job, bool good)
{
	verifications++;
	remember(job->hash, good);
	list_remove(&job->link);
	while (!list_empty(&job->sleepers)) {
		struct thread *t = list_of(job->sleepers.next, struct thread, queue);

		list_remove(&t->queue);
		thread_wake(t);
	}
	cache_give(&jobs, job);
}

/* On the stack of the processor: the verifier's own may be another's before long. */
static void rest(void)
{
	thread_choose(cpu_this());
	lock_give();
	cpu_leave();
}

/* The lock is held before and after, but not meanwhile. */
static void verify(struct job *job)
{
	bool good;

	lock_give();
	cpu_interrupts_on();
	good = cap_verify(&job->cap, job->key);
	cpu_interrupts_off();
	lock_take();
	finish(job, good);
}

/* With interrupts off. */
static void verify_main(void)
{
	struct thread *self;
	struct job *job;

	lock_take();
	while ((job = take_job()))
		verify(job);
	self = cpu_this()->thread;
	thread_kernel_set(self, verify_main, stacks[self == verifier[1]] + STACK);
	thread_sleep(self);
	cpu_restart(rest);
}

void verify_init(void)
{
	random_bytes(&set_key, sizeof(set_key));
	set_key |= 1;
	for (unsigned i = 0; i < THREADS; i++) {
		verifier[i] = thread_kernel(verify_main, stacks[i] + STACK);
		if (!verifier[i])
			panic("no memory for the threads that verify");
	}
}
