/*
 * whoami.c - says as whom this program acts.
 */
#include <twz/user.h>

#include "bin/common/right.h"

static const char help[] = "usage: whoami\n"
			   "\n"
			   "Prints the user as whom it acts, if it is one, the context, and the "
			   "key that this was made\n"
			   "under: what programs make belongs to who has that.\n"
			   "\n"
			   "exit status: 0, 2 usage error\n";

static int print_name(const struct twz_name_entry *entry, void *arg)
{
	if (!twz_id_equal(entry->id, *(const struct twz_id *)arg))
		return 0;
	twz_print("%-8s %s\n", "user", entry->name);
	return 1;
}

static void print(const char *what, struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	twz_print("%-8s %s\n", what, twz_id_none(id) ? "none" : text);
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	struct twz_id context;

	program_begin(help, options, 0, 0, &argc, argv);
	context = twz_rt_info()->context;
	twz_name_list(TWZ_USERS, print_name, &context); /* who may not read it is no user */
	print("context", context);
	print("key", twz_rt_info()->key);
	program_end(STATUS_OK);
}
