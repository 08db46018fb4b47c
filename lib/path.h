/*
 * path.h - paths: from the root namespace to a namespace and a last name (twz/name.h).
 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include "lib/ns.h"

/*
 * Notes the namespaces that a path went through, for who wants to know whether it leads elsewhere
 * now. Too deep a path is not noted: count is TRAIL_MAX + 1.
 */
#define TRAIL_MAX 8
struct trail {
	unsigned count;
	struct {
		const uint64_t *generation;
		uint64_t seen; /* as it was before anything was looked up there */
	} step[TRAIL_MAX];
};

/*
 * The namespace of the path's last name, opened, and that name; a path that ends in the root, "." or
 * ".." has none: length 0, and the namespace is what it leads to. `trail` may be null. `bytes` is
 * the path's length.
 */
int path_walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
	      struct ns_name *last);

/* What the path leads to. */
int path_resolve(const char *path, uint64_t bytes, struct trail *trail, struct twz_id *id);

/* Bytes of a terminated path; more than TWZ_PATH_MAX if it is too long. */
uint64_t path_length(const char *path);

#endif
