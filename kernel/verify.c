/*
 * verify.c - verification of signatures (verify.h).
 *
 * A verifying thread is a thread whose registers are the kernel's: code verify_main, a stack of its own,
 * interrupts on. It is interrupted and rescheduled like any other. It has no state between two jobs, for
 * each of which it begins anew at verify_main; when there is none it sleeps.
 */
#include "abi/object.h"
#include "core/cap.h"
#include "core/crypto.h"
#include "core/mem.h"
#include "core/store.h"
#include "kernel/heap.h"
#include "kernel/lock.h"
#include "kernel/log.h"
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
#define PLACE_SETS 128u
#define PLACE_WAYS 8u
#define KEYS 64u

struct job {
	struct list link;
	struct twz_cap cap;
	struct twz_id hash;
	struct twz_id payer;  /* the key of who wanted it first */
	struct list sleepers; /* threads, by their queue link */
	bool taken;
};

static struct known {
	struct twz_id hash, signer;
	bool good, valid;
} known[SETS][WAYS];
static unsigned oldest[SETS];
static uint64_t set_key; /* odd; so nobody can choose what falls into another's set */

/*
 * By place: of a record its verdict (`parent` is null), of a link whether that is its parent. Good for one
 * `places` only, so what is gone matches nothing.
 */
static struct place {
	const struct twz_cap *cap, *parent;
	uint64_t places;
	bool good;
} place[PLACE_SETS][PLACE_WAYS];
static unsigned oldest_place[PLACE_SETS];
static uint64_t places = 1;

/* A decision hashes one record at most: who needs more begins anew (verify_wait), and finds those by place. */
static struct {
	bool may;
	const struct twz_cap *cap; /* that was hashed, and is not known */
	struct twz_id hash;
} hashing;

/* Public keys whose objects were proved genuine. */
static struct proved {
	struct twz_id id;
	uint8_t key[CRYPTO_KEY];
	bool valid;
} proved[KEYS];

/* A thread of these, and what it copies of a key object: the only pages that one can have. */
static struct verifier {
	uint8_t stack[STACK];
	uint8_t page[3][TWZ_PAGE];
	struct thread *thread;
} verifier[THREADS] __attribute__((aligned(4096)));
static const uint64_t page_number[3] = {TWZ_OBJ_META / TWZ_PAGE, TWZ_OBJ_FOT / TWZ_PAGE,
					TWZ_OBJ_DATA / TWZ_PAGE};

static struct cache jobs = CACHE(struct job);
static struct list queue = {&queue, &queue};

static bool same(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static struct twz_id hash_of(const struct twz_cap *cap)
{
	struct twz_id hash;

	crypto_hash(&hash, sizeof(hash), TWZ_HASH_CAP, cap, sizeof(*cap));
	return hash;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static unsigned set_of(struct twz_id hash)
{
	return (unsigned)(hash.lo * set_key >> 32) % SETS;
}

static struct known *find_known(struct twz_id hash)
{
	struct known *set = known[set_of(hash)];

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].valid && same(set[i].hash, hash))
			return &set[i];
	return NULL;
}

static void remember(const struct job *job, bool good)
{
	unsigned set = set_of(job->hash);

	known[set][oldest[set]++ % WAYS] = (struct known){
		.hash = job->hash, .signer = job->cap.signer, .good = good, .valid = true};
}

static unsigned place_set(const struct twz_cap *cap)
{
	return (unsigned)((uint64_t)cap / 64 * set_key >> 32) % PLACE_SETS;
}

static const struct place *find_place(const struct twz_cap *cap, const struct twz_cap *parent)
{
	const struct place *p = place[place_set(cap)];

	for (unsigned i = 0; i < PLACE_WAYS; i++, p++)
		if (p->cap == cap && p->parent == parent && p->places == places)
			return p;
	return NULL;
}

static enum right_verdict at_place(const struct twz_cap *cap, const struct twz_cap *parent,
				   bool good)
{
	unsigned set = place_set(cap);

	place[set][oldest_place[set]++ % PLACE_WAYS] = (struct place){cap, parent, places, good};
	return good ? RIGHT_GOOD : RIGHT_BAD;
}

void verify_begin(void)
{
	hashing.may = true;
	hashing.cap = NULL;
}

enum right_verdict verify_verdict(const struct twz_cap *cap)
{
	const struct place *p = find_place(cap, NULL);
	const struct known *k;

	if (p)
		return p->good ? RIGHT_GOOD : RIGHT_BAD;
	if (!hashing.may)
		return RIGHT_UNKNOWN;
	hashing.may = false;
	hashing.hash = hash_of(cap);
	k = find_known(hashing.hash);
	if (k)
		return at_place(cap, NULL, k->good);
	hashing.cap = cap;
	return RIGHT_UNKNOWN;
}

enum right_verdict verify_parent(const struct twz_cap *link, const struct twz_cap *parent)
{
	const struct place *p = find_place(link, parent);

	if (p)
		return p->good ? RIGHT_GOOD : RIGHT_BAD;
	if (!hashing.may)
		return RIGHT_UNKNOWN;
	hashing.may = false;
	return at_place(link, parent, cap_is_parent(parent, link));
}

void verify_forget_places(void)
{
	places += KSTEP("forget-places");
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static struct proved *proved_at(struct twz_id key)
{
	return &proved[(key.lo * set_key >> 32) % KEYS];
}

void verify_forget_key(struct twz_id key)
{
	struct proved *p = proved_at(key);

	if (!KSTEP("forget-key"))
		return;
	places++;
	if (same(p->id, key))
		p->valid = false;
	for (unsigned i = 0; i < SETS * WAYS; i++)
		if (same(known[i / WAYS][i % WAYS].signer, key))
			known[i / WAYS][i % WAYS].valid = false;
}

/* The identity of the key object, and copies of its pages in `page`; false if there is none. */
static bool copy_key(struct twz_id id, struct twz_identity *identity, uint8_t page[3][TWZ_PAGE])
{
	struct object *o;
	bool is;

	if (object_find(id, &o))
		return false;
	is = right_is_key(&o->identity);
	*identity = o->identity;
	for (unsigned i = 0; is && i < 3; i++) {
		const void *from = o->medium->look(o, page_number[i]);

		if (from)
			memcpy(page[i], from, TWZ_PAGE);
		else
			memset(page[i], 0, TWZ_PAGE);
	}
	object_release(o);
	return is;
}

static bool key_is_there(struct twz_id id)
{
	struct object *o;
	bool is;

	if (object_find(id, &o))
		return false;
	is = right_is_key(&o->identity);
	object_release(o);
	return is;
}

/* Are the pages what the identity says, and a key? Long, and without the lock. */
static bool prove(const struct twz_identity *identity, uint8_t page[3][TWZ_PAGE])
{
	const struct twz_key *k = (void *)page[2];
	struct store_given given[3];
	uint8_t root[32];

	for (unsigned i = 0; i < 3; i++)
		given[i] = (struct store_given){page_number[i], page[i]};
	store_root_of(given, 3, root);
	return (!KSTEP("key-genuine") || !memcmp(root, identity->root, sizeof(root))) &&
	       (!KSTEP("key-form") ||
		(k->magic == TWZ_KEY_MAGIC && k->version == 1 && k->alg == TWZ_ALG_ED25519));
}

/* ---- jobs ---------------------------------------------------------------------------------------- */

static struct job *job_of(struct twz_id hash)
{
	for (struct list *l = queue.next; l != &queue; l = l->next) {
		struct job *job = list_of(l, struct job, link);

		if (same(job->hash, hash))
			return job;
	}
	return NULL;
}

static struct job *job_new(const struct thread *t, const struct twz_cap *cap, struct twz_id hash)
{
	struct job *job = key_is_there(cap->signer) ? cache_take_reserved(&jobs) : NULL;

	if (!job)
		return NULL;
	job->cap = *cap;
	job->hash = hash;
	job->payer = subject_key(t->subject);
	list_init(&job->sleepers);
	list_add_last(&queue, &job->link);
	return job;
}

bool verify_wait(struct thread *t)
{
	struct job *job;

	if (right_waits()) /* it waits for another one already */
		return true;
	if (!hashing.cap) { /* what was missing could not be hashed yet: at once */
		cpu_this()->reschedule |= RESCHEDULE_AGAIN;
		return true;
	}
	job = job_of(hashing.hash);
	if (!job)
		job = job_new(t, hashing.cap, hashing.hash);
	if (!job)
		return false;
	cpu_this()->reschedule |= RESCHEDULE_AGAIN;
	thread_sleep(t);
	list_add_last(&job->sleepers, &t->queue);
	for (unsigned i = 0; i < THREADS; i++)
		if (verifier[i].thread->sleeps) {
			thread_wake(verifier[i].thread);
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
		if (!same(job->payer, payer))
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

/* Without the key there is no verdict. */
static void finish(struct job *job, bool good)
{
	if (key_is_there(job->cap.signer))
		remember(job, good);
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

/* The key is in its pages, or is found proved. The lock is held before and after, but not meanwhile. */
static void verify(struct verifier *self, struct job *job)
{
	const struct proved *known_key = proved_at(job->cap.signer);
	struct proved p = {.id = job->cap.signer};
	struct twz_identity identity;
	bool there = true, good;

	if (known_key->valid && same(known_key->id, p.id))
		p = *known_key;
	else
		there = copy_key(p.id, &identity, self->page);
	lock_give();
	cpu_interrupts_on();
	if (!p.valid && there && prove(&identity, self->page)) {
		memcpy(p.key, ((const struct twz_key *)self->page[2])->key, CRYPTO_KEY);
		p.valid = true;
	}
	good = p.valid && cap_verify(&job->cap, p.key);
	cpu_interrupts_off();
	lock_take();
	if (p.valid && key_is_there(p.id))
		*proved_at(p.id) = p;
	finish(job, good);
}

static struct verifier *self_of(const struct thread *thread)
{
	return &verifier[thread == verifier[1].thread];
}

/*
 * With interrupts off. One job, then others have the processor: who waits for it is woken already, and would
 * else come behind whatever else there is to verify in a whole slice.
 */
static void verify_main(void)
{
	struct verifier *self;
	struct job *job;

	lock_take();
	self = self_of(cpu_this()->thread);
	job = take_job();
	if (job)
		verify(self, job);
	thread_kernel_set(self->thread, verify_main, self->stack + STACK);
	if (!job)
		thread_sleep(self->thread);
	cpu_restart(rest);
}

uint32_t verify_asleep(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < THREADS; i++)
		n += verifier[i].thread->sleeps;
	return n;
}

void verify_init(void)
{
	random_bytes(&set_key, sizeof(set_key));
	set_key |= 1;
	for (unsigned i = 0; i < THREADS; i++) {
		verifier[i].thread = thread_kernel(verify_main, verifier[i].stack + STACK);
		if (!verifier[i].thread)
			panic("no memory for the threads that verify");
	}
}
