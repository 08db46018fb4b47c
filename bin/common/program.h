/*
 * program.h - what the programs share: options, messages, paths.
 *
 * A program's messages are "NAME: WHERE: REASON"; its exit status is 0, STATUS_FAILED if something
 * could not be done (the rest was), or STATUS_USAGE. --help says all that there is to say.
 */
#ifndef BIN_COMMON_PROGRAM_H
#define BIN_COMMON_PROGRAM_H

#include <string.h>
#include <twz/twz.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/*
 * An option is a flag, or has a value ("--as NAME" or "--as=NAME"), or has one each time that it is
 * given (nvalues counts, value has room for OPTION_VALUES). A list ends with a null name.
 */
struct option {
	const char *name;
	bool *flag;
	const char **value;
	int *nvalues;
};
#define OPTION_VALUES 256

/*
 * Takes the options out of the arguments, up to "--"; what is left begins at argv[0], *argc many.
 * `help` begins with "usage: NAME ". Ends the program for --help, for what is no option, and unless
 * min to max arguments are left.
 */
void program_begin(const char *help, const struct option *options, int min, int max, int *argc,
		   char **argv);

/* The message, after the program's name and where (unless null). Returns STATUS_FAILED. */
int fail(const char *where, const char *reason);
/* If `where` is a path and rights are missing, the message says which there are. */
int fail_error(const char *where, int error);
/* Has the program these rights to the object? A status; the message says which is missing, and why. */
int need(const char *where, struct twz_id id, uint32_t perms);
/* Says where to find help, and ends the program. */
_Noreturn void fail_usage(const char *reason, const char *what);

/* Ends the program with what it printed written. */
_Noreturn void program_end(int status);

/* A decimal number below limit, or -1. */
int64_t parse_number(const char *text, int64_t limit);

/* ---- paths -------------------------------------------------------------------------------------- */

struct path {
	char text[TWZ_PATH_MAX + 1];
};

/* The path without the slashes at its end, which people and completion add. TWZ_E_NAME: too long. */
int path_set(struct path *path, const char *text);
/*
 * Goes down to a name in the namespace that the path leads to. *length gets the path's length before, for
 * path_cut, which goes back up. TWZ_E_NAME: the path would be too long.
 */
int path_append(struct path *path, const char *name, size_t *length);
void path_cut(struct path *path, size_t length);
/* The last name. */
const char *path_last(const char *path);
/* Does this text lead to a namespace? */
bool path_is_space(const char *text);
/* If the path leads to a namespace: into it, under the last name of `from`. */
int path_into(struct path *path, const char *from);

/* The object's type, of one that can be opened; an error else. */
int path_type(const char *path, struct twz_id *id, uint32_t *type);

#endif
