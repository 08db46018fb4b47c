/*
 * main.c - twz: makes, looks into, fills, empties and checks a store. The manual: docs/man/twz.1.
 */
#include <errno.h>
#include <string.h>

#include "tools/twz/twz.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *summary;
	const char *help;
} commands[] = {
	{"mkstore", command_mkstore, "FILE [--size SIZE] [--force]", "make an empty store",
	 "Makes a store with an empty root namespace. It is made under another name and renamed\n"
	 "when it is whole, so an interrupted mkstore leaves no FILE.\n"
	 "\n"
	 "    --size SIZE  the store's size, in bytes or with K, M, G or T; 16M to 16T, by "
	 "default\n"
	 "                 256M. The file is sparse: it takes up what is used.\n"
	 "    --force      replace FILE if it exists; all that it holds is lost\n"},
	{"ls", command_ls, "FILE [-l] [PATH]", "list the names in a namespace",
	 "Lists the names in the namespace PATH, by default the root, sorted. Namespaces end in "
	 "'/'.\n"
	 "\n"
	 "    -l  with type, bytes of data and ID; \"dangling\" for a name without an object\n"},
	{"tree", command_tree, "FILE [PATH]", "list all names below a namespace",
	 "Shows the namespace PATH, by default the root, with all that is below it.\n"},
	{"stat", command_stat, "FILE [PATH|ID]", "show a store or an object",
	 "Without PATH or ID: the store's size, use, epoch, areas and features. With: the "
	 "object's\n"
	 "identity, record, size, FOT, log, heap, and where its pages are in the image.\n"},
	{"fot", command_fot, "FILE PATH|ID", "show an object's Foreign Object Table",
	 "One line for each entry: its index, kind (id, name or deleted), \"hold\" if the target "
	 "is tied\n"
	 "to the object, and the target's ID, or the name and who resolves it.\n"},
	{"put", command_put, "FILE [-q] HOSTPATH... PATH", "copy files and trees into a store",
	 "Copies files and folders of the host into the store: each file becomes an object, each "
	 "folder\n"
	 "a namespace. If PATH is a namespace they are put into it, under their own names; "
	 "otherwise\n"
	 "there is one HOSTPATH and PATH is its new name. A file that exists is replaced, "
	 "atomically;\n"
	 "trees are merged. What is neither file nor folder is left out, with an error.\n"
	 "\n"
	 "    -q  no progress on a terminal\n"},
	{"get", command_get, "FILE PATH HOSTPATH", "copy files and trees out of a store",
	 "Copies the object or the whole namespace PATH to HOSTPATH on the host, or into it if it "
	 "is a\n"
	 "folder. Files that exist there are overwritten. HOSTPATH \"-\" is the standard "
	 "output.\n"},
	{"check", command_check, "FILE", "check a store",
	 "Reads all of the store and prints each violated invariant (docs/format/ numbers them) "
	 "and\n"
	 "where, then what is wrong inside objects: logs, meta pages, FOTs, heaps, namespaces, "
	 "sealed\n"
	 "objects. A note says what is no damage: a name that leads to no object, an object that "
	 "no\n"
	 "name and no pointer leads to. Changes nothing.\n"
	 "\n"
	 "exit status: 0 sound, 1 damaged or not readable, 2 usage error\n"},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	printf("twz: makes, looks into, fills, empties and checks a Twizzler store\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("    twz %-7s %-32s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].summary);
	printf("\nFILE is the image of a store on this host; a PATH begins at the store's root "
	       "namespace;\n"
	       "an ID is 32 hexadecimal digits. ls, tree, stat, fot, get and check change nothing, "
	       "and\n"
	       "work on a damaged store as far as that goes. twz COMMAND --help says more.\n"
	       "\n"
	       "exit status: 0 done, 1 failed, 2 usage error\n");
	return STATUS_OK;
}

static int help_command(const struct command *c)
{
	printf("usage: twz %s %s\n\n%s", c->name, c->arguments, c->help);
	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!*name) {
		fprintf(stderr, "twz: a command is missing (twz --help)\n");
		return STATUS_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
		return help();
	for (const struct command *c = commands; c < commands + NCOMMANDS; c++) {
		if (strcmp(name, c->name))
			continue;
		for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
			if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
				return help_command(c);
		return c->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "twz: there is no command '%s' (twz --help)\n", name);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	if (fflush(stdout) || ferror(stdout))
		status = fail("standard output", "%s", strerror(errno));
	return status;
}
