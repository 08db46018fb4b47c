/*
 * swap.h - a library-like object and a data object are exchanged under readers: the part of the test that is
 * the same in both homes. Threads are the home's own.
 *
 * The readers know both by names only. Round r binds the names to the r-th objects. What a reader finds is
 * not older than what was bound when it looked, and not newer than what was being bound when it had looked.
 */
#ifndef TESTS_HOME_SWAP_H
#define TESTS_HOME_SWAP_H

#include <twz/twz.h>

#define SWAP_ROUNDS 24
#define SWAP_ENTRIES 16

/* What a library offers: it is of use only as a whole. */
struct swap_library {
	uint64_t version;
	uint64_t times[SWAP_ENTRIES]; /* version * i */
};

struct swap_holder {
	twz_ptr(struct swap_library) library; /* by a search list */
	twz_ptr(uint64_t) data;               /* from the root */
};

struct swap {
	struct swap_holder *holder;
	struct twz_id library[SWAP_ROUNDS], data[SWAP_ROUNDS];
	struct twz_id space[2];
	struct twz_obj search;
	uint64_t begun, done; /* rounds */
	uint64_t reads;       /* that the readers made */
};

static inline int swap_object(uint64_t version, struct twz_id *library, struct twz_id *data)
{
	struct twz_obj l, d;
	int error = twz_obj_new(&(struct twz_new){.ending = true, .bytes = TWZ_PAGE}, &l);

	if (!error)
		error = twz_obj_new(&(struct twz_new){.ending = true, .bytes = TWZ_PAGE}, &d);
	if (error)
		return error;
	((struct swap_library *)twz_obj_data(&l))->version = version;
	for (unsigned i = 0; i < SWAP_ENTRIES; i++)
		((struct swap_library *)twz_obj_data(&l))->times[i] = version * i;
	*(uint64_t *)twz_obj_data(&d) = version;
	*library = l.id;
	*data = d.id;
	return 0;
}

/* Library r is bound: in the second namespace in even rounds, in the first, which goes before, in odd ones. */
static inline int swap_bind(struct swap *s, unsigned r)
{
	int error = twz_name_bind("/swap/data", s->data[r], TWZ_NAME_REPLACE);

	if (!error)
		error = twz_name_bind(r % 2 ? "/swap/1/library" : "/swap/2/library", s->library[r],
				      TWZ_NAME_REPLACE);
	if (!error && r && r % 2 == 0)
		error = twz_name_unbind("/swap/1/library", 0);
	return error;
}

static inline int swap_setup(struct swap *s)
{
	struct twz_obj obj;
	struct twz_id id;
	void *block = NULL;
	int error = twz_ns_make("/swap", &id);

	if (!error)
		error = twz_ns_make("/swap/1", &s->space[0]);
	if (!error)
		error = twz_ns_make("/swap/2", &s->space[1]);
	for (unsigned i = 0; i < SWAP_ROUNDS && !error; i++)
		error = swap_object(i + 1, &s->library[i], &s->data[i]);
	if (!error)
		error = twz_obj_new(&(struct twz_new){.ending = true}, &s->search);
	if (!error)
		error = twz_search_set(&s->search, s->space, 2);
	if (!error)
		error = twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj);
	if (!error)
		error = heap_alloc(NULL, sizeof(*s->holder), twz_heap_root(&obj), &block);
	s->holder = block;
	if (!error)
		error = twz_set_name_in(NULL, &s->holder->library, "library", s->search.id);
	if (!error)
		error = twz_set_name(NULL, &s->holder->data, "/swap/data");
	s->begun = s->done = 1;
	return error ? error : swap_bind(s, 0);
}

static inline uint64_t swap_seen(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* One look of a reader; null or what is wrong. */
static inline const char *swap_read(struct swap *s)
{
	uint64_t least = swap_seen(&s->done), data = *twz_get(&s->holder->data);
	const struct swap_library *library = twz_get(&s->holder->library);
	uint64_t version = library->version;

	__atomic_add_fetch(&s->reads, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < SWAP_ENTRIES; i++)
		if (library->times[i] != version * i)
			return "a library that is not whole";
	if (version < least || data < least)
		return "what was bound before";
	if (version > swap_seen(&s->begun) || data > swap_seen(&s->begun))
		return "what is not bound yet";
	return NULL;
}

/* All rounds; between two of them the readers look at least `reads` times. */
static inline int swap_run(struct swap *s, uint64_t reads)
{
	int error = 0;

	for (unsigned r = 1; r < SWAP_ROUNDS && !error; r++) {
		uint64_t before = swap_seen(&s->reads);

		while (swap_seen(&s->reads) < before + reads)
			twz_rt_wait(&(uint32_t){0}, 0, 100000);
		__atomic_store_n(&s->begun, r + 1, __ATOMIC_SEQ_CST);
		error = swap_bind(s, r);
		__atomic_store_n(&s->done, r + 1, __ATOMIC_SEQ_CST);
	}
	return error;
}

#endif
