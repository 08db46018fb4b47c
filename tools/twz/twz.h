/*
 * twz.h - what the commands of twz share.
 *
 * Commands that only read (ls, tree, stat, fot, get, check) open the image read-only, as a private
 * copy that is recovered there, and read objects page by page through core/store.h with the readers
 * below, which trust nothing that they read. Commands that change a store (mkstore, put, and those
 * of rights that make something) are ordinary programs on <twz/...>.
 *
 * Every error is one line on stderr: "twz: WHERE: REASON". Functions that print it return a status;
 * the others return 0 or an enum twz_error.
 */
#ifndef TOOLS_TWZ_H
#define TOOLS_TWZ_H

#include <stdarg.h>
#include <stdio.h>

#include "abi/namespace.h"
#include "abi/object.h"
#include "core/store.h"

#include <twz/io.h>
#include <twz/right.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* ---- commands ------------------------------------------------------------------------------- */

/* argv[0] is the command's name. Returns the exit status. */
int command_mkstore(int argc, char **argv);
int command_ls(int argc, char **argv);
int command_tree(int argc, char **argv);
int command_stat(int argc, char **argv);
int command_fot(int argc, char **argv);
int command_put(int argc, char **argv);
int command_get(int argc, char **argv);
int command_check(int argc, char **argv);
int command_key(int argc, char **argv);
int command_sctx(int argc, char **argv);
int command_cap(int argc, char **argv);
int command_delegate(int argc, char **argv);
int command_access(int argc, char **argv);
int command_tie(int argc, char **argv);
int command_untie(int argc, char **argv);
int command_user(int argc, char **argv);
int command_service(int argc, char **argv);

/* ---- report.c: messages and options ----------------------------------------------------------- */

/* "twz: WHERE: REASON" on stderr; where may be null. Returns STATUS_FAILED. */
__attribute__((format(printf, 2, 3))) int fail(const char *where, const char *format, ...);

/* A usage error of the command: the reason and where to find help. Returns STATUS_USAGE. */
__attribute__((format(printf, 2, 3))) int usage(const char *command, const char *format, ...);

/*
 * Takes the options of `spec` out of argv, behind argv[0]; nothing else begins with '-' unless after
 * "--". The rest, `min` to `max` arguments, is moved to the front, from argv[0] on; *nrest counts it.
 * STATUS_OK or STATUS_USAGE, printed.
 */
struct option_spec {
	const char *name;   /* "--size" or "-q"; the list ends with null */
	const char **value; /* gets the value; null: a flag */
	bool *flag;
};
int take_options(int argc, char **argv, const struct option_spec *spec, int min, int max,
		 int *nrest);

const char *type_name(uint32_t type);
/* The text with ASCII control characters as "?", in place: names in a hostile store. */
const char *printable(char *text);

/* ---- open.c: the store, opened for reading ----------------------------------------------------- */

/* Opens the image as a private, recovered copy. STATUS_OK or STATUS_FAILED, printed. */
int store_open(const char *path, struct store *s);
void store_close(struct store *s);

/* ---- object.c: an object, page by page ---------------------------------------------------------- */

struct object {
	struct store *store;
	struct twz_id id;
	uint64_t ref;
	struct twz_record record; /* as it was when it was found */
	char trouble[160];        /* set with TWZ_E_DAMAGED: what is wrong, and where */
};

/* Finds and settles it. */
int object_find(struct store *s, struct twz_id id, struct object *o);
/* Reads a range; holes are zeros. */
int object_read(struct object *o, uint64_t off, void *out, uint64_t bytes);
/* The meta page; all zero if it is absent. */
int object_meta(struct object *o, struct twz_meta *meta);
/* Writes o->trouble; returns TWZ_E_DAMAGED. */
__attribute__((format(printf, 2, 3))) int object_damaged(struct object *o, const char *format, ...);
/* The error as a text: o->trouble or the one of the list. */
const char *object_error(const struct object *o, int error);

/* ---- names.c: a namespace, read the same way ------------------------------------------------------ */

struct name {
	struct twz_id id;
	uint64_t off; /* of the entry */
	uint64_t hash;
	uint32_t bucket;
	uint32_t type;
	uint16_t length;
	char text[TWZ_NAME_MAX + 1];
};

struct names {
	struct object object;
	struct twz_ns head;
	uint32_t bucket;
	uint64_t next;
	uint64_t seen;
};

int names_open(struct store *s, struct twz_id id, struct names *names);
/* The next name in the table's order; TWZ_E_NOTFOUND at the end. */
int names_next(struct names *names, struct name *name);
/* All of them, sorted, freed by the caller. On damage: those before it, and the error. */
int names_list(struct names *names, struct name **list, uint64_t *count);

/* Trees are followed so deep: no path reaches further, and a hostile store may go on for ever. */
#define DEPTH_MAX (TWZ_PATH_MAX / 2 + 1)

/*
 * The object that a path from the root, or 32 hexadecimal digits, names; @boot and @key are the
 * store's boot context and its key. A status, printed.
 */
int object_named(struct store *s, const char *name, struct object *o);

/* ---- change.c: the store, opened to be changed, and names in it ---------------------------------- */

/* A status, printed. */
int change_open(const char *path);
/* As object_named. */
int change_named(const char *name, struct twz_id *id);
/* The same, and the context's object mapped. */
int change_context(const char *name, struct twz_obj *obj);
/* The store's key or its boot context (core/store.h), zero if it has none. */
struct twz_id change_known(enum store_name name);

/* ---- secret.c: private keys in files of the host -------------------------------------------------- */

/* Whatever it is sealed with. A status, printed. */
int secret_load(const char *path, struct twz_secret *secret);
/* For signing: asks for the passphrase if it is sealed, and is open afterwards. A status, printed. */
int secret_read(const char *path, struct twz_secret *secret);
/*
 * Makes the file, for its owner only, never over another. With `passphrase`, asks for one and seals it.
 * A status, printed.
 */
int secret_write(const char *path, const struct twz_secret *secret, bool passphrase);
/*
 * Seals an open secret under the passphrase in the first line of `file`, or, if that is null, one that is asked
 * for, by so much work of Argon2id. A status, printed.
 */
int secret_seal(const char *where, struct twz_secret *secret, const char *file, uint64_t ops,
		uint64_t memory);

/* ---- key.c ----------------------------------------------------------------------------------------- */

/* "STORE.key", allocated. */
char *key_path(const char *store);
/*
 * The system's key, of the file `key`, or of one that is made beside `store` unless it is there, and
 * the boot context, for the store that is open. *made is the file that was made, allocated, or null.
 * A status, printed.
 */
int key_system(const char *store, const char *key, char **made);

/* ---- limit.c: the parts of twz key that are about accounts -------------------------------------- */

int key_accounts(int argc, char **argv);
int key_limit(int argc, char **argv);
/* A count, or "none", which is 0. A status, printed as one of the command's. */
int limit_read(const char *command, const char *option, const char *text, uint64_t *limit);
/* Of the store that is open. A null text leaves what there is. An error. */
int limit_set(struct twz_id key, const char *pages_text, const char *frames_text, uint64_t pages,
	      uint64_t frames);

/* ---- service.c -------------------------------------------------------------------------------------- */

/* The namespace of the services' contexts, which everybody may read; it is made if it is not there. */
int services_space(struct twz_id *id);

/* ---- sctx.c ----------------------------------------------------------------------------------------- */

/* Signs a capability for the context, which gets it, and publishes that. An error. */
int context_give(const struct twz_obj *to, struct twz_cap cap, const struct twz_secret *secret);

/* ---- tie.c ------------------------------------------------------------------------------------------ */

/* A line for each tie of the object, up to `max`; those out of it first. An error, o->trouble set. */
int ties_print(struct object *o, uint64_t max);

/* ---- cap.c: capabilities, as commands take and show them ------------------------------------------ */

/* A chain in a file of the host. A status, printed. */
int cap_read(const char *path, struct twz_cap chain[static TWZ_CAP_DEPTH_MAX + 1], uint32_t *count);
/* Prints a chain, each record with what is to be said of its signature. */
void cap_print(struct store *s, const struct twz_cap *chain, uint32_t count);
/* Permissions in an option or argument. A status, printed. */
int perms_read(const char *command, const char *text, uint32_t *perms);

#endif
