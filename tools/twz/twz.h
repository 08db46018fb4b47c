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
int command_graph(int argc, char **argv);
int command_hexdump(int argc, char **argv);
int command_diff(int argc, char **argv);

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

/* ---- json.c: what looking commands say, as JSON ------------------------------------------------- */

/* The option --json: one object on stdout. docs/man/twz-json.5 says which members. */
extern bool json;

/* A member of what is open; in an array, without a name. */
void json_object(const char *name);
void json_array(const char *name);
void json_end(void);
void json_text(const char *name, const char *text);
void json_bytes(const char *name, const char *text, uint64_t bytes); /* a text, of any bytes */
void json_number(const char *name, uint64_t value);
void json_hex(const char *name, const void *data, uint64_t bytes);
void json_bool(const char *name, bool value);
void json_id(const char *name, struct twz_id id);
void json_perms(const char *name, uint32_t perms);

/* fail's message, the first of which becomes the member "error". */
void json_failed(const char *where, const char *format, va_list args);
/* Closes all that is open, however the command ended. */
void json_finish(void);

/* Bytes of the UTF-8 character at the start of n > 0 bytes; 0: it is none. */
unsigned utf8_length(const char *text, uint64_t n);

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

/* ---- objects.c: all objects, and what they are called --------------------------------------------- */

#define NO_OBJECT UINT32_MAX

struct listed {
	struct twz_id id;
	uint64_t ref;
	uint32_t type, state, flags, npages;
	uint32_t name; /* its first one, among the names; NO_OBJECT: none */
	uint32_t first_name,
		nnames; /* of a namespace that was reached: what stands in it, sorted */
};

struct called {
	char *text;
	uint32_t in, to; /* the namespace, and the object */
};

struct objects {
	struct store *store;
	struct listed *listed; /* sorted by ID */
	struct called *names;
	uint32_t nlisted, nnames;
	uint32_t root; /* NO_OBJECT: there is none */
	bool damaged;  /* something could not be read; what it was first, if that can be said: */
	char trouble[240];
};

/* The objects alone. objects_free comes after an error, too. */
int objects_list(struct store *s, struct objects *all);
/* And their names. */
int objects_load(struct store *s, struct objects *all);
void objects_free(struct objects *all);

/* What could not be read of this one, and why. */
void objects_damaged(struct objects *all, struct object *o, int error);

/* Room for one more than `count` elements, of an array that grows by this alone: it may move. */
bool room_for(void **array, uint64_t count, uint64_t size);

/* An index or NO_OBJECT: by ID; by a name in a namespace; by a path. */
uint32_t objects_find(const struct objects *all, struct twz_id id);
uint32_t objects_named(const struct objects *all, uint32_t in, const char *name, uint64_t bytes);
uint32_t objects_path_to(const struct objects *all, const char *path, uint64_t bytes);

/* Its shortest path, or its ID if it has no name: in `text`, which has TWZ_PATH_MAX + 1 bytes. */
const char *objects_path(const struct objects *all, uint32_t object, char *text);

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
