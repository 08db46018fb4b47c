/*
 * path.h - paths: from the root namespace to a namespace and a last name (twz/name.h).
 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include "lib/ns.h"

/*
 * Notes what a look-up went through, namespaces and search lists, for who wants to know whether it leads
 * elsewhere now. More than TRAIL_MAX are not noted: count is TRAIL_MAX + 1.
 */
#define TRAIL_MAX 24
struct trail {
	uint64_t forgotten; /* space_forgotten before: while it is that, the addresses are good */
	unsigned count;
	struct {
		const uint64_t *generation;
		uint64_t seen; /* as it was before anything was looked up there */
	} step[TRAIL_MAX];
};

/* Before the look-up. */
void trail_begin(struct trail *trail);
/* Has all that it depended on stayed as it was? What is gone has not. */
bool trail_still(const struct trail *trail);
/* As much of it as there is. */
void trail_copy(struct trail *to, const struct trail *from);

/*
 * The namespace of the path's last name, opened, and that name; a path that ends in the root, "." or
 * ".." has none: length 0, and the namespace is what it leads to. `trail` may be null. `bytes` is
 * the path's length.
 */
int path_walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
	      struct ns_name *last);

/*
 * A generation as it is now. It is stored as part of a longer range (core/tx.c), but in one piece, as all
 * aligned words are on this machine: no race.
 */
static inline __attribute__((no_sanitize_thread)) uint64_t
generation_now(const uint64_t *generation)
{
	return *(const volatile uint64_t *)generation;
}

/* From now on it depends on what has this generation. Before anything is looked up there. `trail` may be null. */
void trail_note(struct trail *trail, const uint64_t *generation);

/* What the path leads to, from a namespace; adds to the trail. */
int path_resolve_from(const struct ns *start, const char *path, uint64_t bytes, struct trail *trail,
		      struct twz_id *id);
/* From the root. What was found before is kept, so that it is not walked to again while it leads there. */
int path_resolve(const char *path, uint64_t bytes, struct twz_id *id);

/* Can a namespace have this name? Of TWZ_NAME_MAX bytes at most are looked at. */
bool name_sound(struct ns_name name);

/* Bytes of a terminated path; more than TWZ_PATH_MAX if it is too long. */
uint64_t path_length(const char *path);

#endif
