/*
 * main.c - twz: makes, looks into, fills, empties, compares and checks a store. The manual: docs/man/twz.1.
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
	const char *json; /* what --json is for, where the command knows it */
} commands[] = {
	{"mkstore", command_mkstore, "FILE [--size SIZE] [OPTION...]", "make an empty store",
	 "Makes a store with an empty root namespace. It is made under another name and renamed\n"
	 "when it is whole, so an interrupted mkstore leaves no FILE.\n"
	 "\n"
	 "    --size SIZE  the store's size, in bytes or with K, M, G or T; 16M to 16T, by "
	 "default\n"
	 "                 256M. The file is sparse: it takes up what is used.\n"
	 "    --force      replace FILE if it exists; all that it holds is lost\n"
	 "\n"
	 "The store gets the system's key. The private one is in FILE.key, which is made unless it "
	 "is there,\n"
	 "and is never written into a store: who has it has every right, and who loses it can give "
	 "none.\n"
	 "\n"
	 "    --key KEYFILE  the system's key is this one, which exists\n"
	 "    --no-key       without: nobody can be given a right to anything in this store\n",
	 NULL},
	{"ls", command_ls, "FILE [-l] [PATH]", "list the names in a namespace",
	 "Lists the names in the namespace PATH, by default the root, sorted. Namespaces end in "
	 "'/'.\n"
	 "\n"
	 "    -l  with type, bytes of data and ID; \"dangling\" for a name without an object\n",
	 "as JSON"},
	{"tree", command_tree, "FILE [PATH]", "list all names below a namespace",
	 "Shows the namespace PATH, by default the root, with all that is below it.\n", "as JSON"},
	{"stat", command_stat, "FILE [PATH|ID]", "show a store or an object",
	 "Without PATH or ID: the store's size, use, epoch, areas and features. With: the "
	 "object's\n"
	 "identity, record, size, FOT, log, heap, and where its pages are in the image.\n",
	 "as JSON"},
	{"fot", command_fot, "FILE PATH|ID", "show an object's Foreign Object Table",
	 "One line for each entry: its index, kind (id, name or deleted), \"hold\" if the target "
	 "is tied\n"
	 "to the object, and the target's ID, or the name and who resolves it.\n",
	 "as JSON"},
	{"tie", command_tie, "FILE [--ending] OBJECT [TO]", "let an object live as long as another",
	 "    twz tie FILE [--ending] OBJECT TO\n"
	 "    twz tie FILE OBJECT\n"
	 "\n"
	 "Ties OBJECT to TO, a PATH or an ID each: it is not deleted before TO, and is deleted "
	 "with "
	 "the\n"
	 "last of all those that it is tied to. With OBJECT alone, lists what it is tied to and "
	 "what "
	 "is\n"
	 "tied to it; \"hold\" is a tie that a pointer made.\n"
	 "\n"
	 "    --ending  OBJECT lasts, TO ends with the boot epoch: OBJECT may end with it\n",
	 "the list, as JSON"},
	{"untie", command_untie, "FILE [--hold] OBJECT TO", "take a tie away",
	 "OBJECT is not tied to TO any more. It stays, also if that was its last tie, unless it "
	 "was\n"
	 "deleted meanwhile: then it goes now.\n"
	 "\n"
	 "    --hold  the tie that a pointer in TO made, which so loses its hold\n",
	 NULL},
	{"put", command_put, "FILE [-q] [--key KEYFILE] HOSTPATH... PATH",
	 "copy files and trees into a store",
	 "Copies files and folders of the host into the store: each file becomes an object, each "
	 "folder\n"
	 "a namespace. If PATH is a namespace they are put into it, under their own names; "
	 "otherwise\n"
	 "there is one HOSTPATH and PATH is its new name. A file that exists is replaced, "
	 "atomically;\n"
	 "trees are merged. What is neither file nor folder is left out, with an error.\n"
	 "\n"
	 "    -q             no progress on a terminal\n"
	 "    --key KEYFILE  what is made belongs to who has this key; by default to the system\n",
	 NULL},
	{"get", command_get, "FILE PATH HOSTPATH", "copy files and trees out of a store",
	 "Copies the object or the whole namespace PATH to HOSTPATH on the host, or into it if it "
	 "is a\n"
	 "folder. Files that exist there are overwritten. HOSTPATH \"-\" is the standard "
	 "output.\n",
	 NULL},
	{"check", command_check, "FILE", "check a store",
	 "Reads all of the store and prints each violated invariant (docs/format/ numbers them) "
	 "and\n"
	 "where, then what is wrong inside objects: logs, meta pages, FOTs, heaps, namespaces, "
	 "contexts,\n"
	 "sealed objects. A note says what is no damage: a name that leads to no object, an object "
	 "that "
	 "no\n"
	 "name and no pointer leads to. Changes nothing.\n"
	 "\n"
	 "exit status: 0 sound, 1 damaged or not readable, 2 usage error\n",
	 "as JSON"},
	{"graph", command_graph, "FILE [-o SVG] [OPTION...]", "draw what leads where",
	 "Draws the store's objects and what leads from one to another, as SVG on the standard "
	 "output:\n"
	 "namespaces as boxes, objects as cards with type, size, and how much leads out of them "
	 "and "
	 "in;\n"
	 "pointers, late-bound names, ties. What is too much is folded into cards with a count, so "
	 "that\n"
	 "any store gives a picture of at most 220 cards, which --from opens elsewhere.\n"
	 "\n"
	 "    -o SVG         into this file\n"
	 "    --from OBJECT  a PATH or an ID: the namespace alone; or around an object, what leads "
	 "to "
	 "it\n"
	 "                   and what it leads to\n"
	 "    --depth N      so many levels of namespaces or links; by default what there is room "
	 "for, "
	 "and 2\n"
	 "    --dot          for graphviz\n",
	 "all that is shown, unfolded"},
	{"hexdump", command_hexdump, "FILE OBJECT [OFFSET [BYTES]]",
	 "show bytes, with names of fields",
	 "Shows what is present of OBJECT, a PATH or an ID, with the names of what the formats put "
	 "there:\n"
	 "meta page, log, FOT, heap, containers, names, contexts and others; what pointers lead "
	 "to; the\n"
	 "rest as bytes.\n"
	 "Fields of zero are left out. OFFSET and BYTES are numbers, from the object's start: its "
	 "data begins\n"
	 "at 0x400000.\n"
	 "\n"
	 "    --all   all of it, not 400 lines\n",
	 "as JSON"},
	{"diff", command_diff, "FILE FILE2|OBJECT OBJECT2",
	 "show where two stores or objects differ",
	 "    twz diff FILE FILE2\n"
	 "    twz diff FILE OBJECT OBJECT2\n"
	 "\n"
	 "Two stores: which objects were added, are gone, or have changed, by their IDs, and "
	 "where. "
	 "Two\n"
	 "objects of a store, each a PATH or an ID: the ranges of bytes that differ, in data, FOT "
	 "and "
	 "meta\n"
	 "page, and how many pages of 4096 bytes they share. The state of logs is not compared.\n"
	 "\n"
	 "    -q      only which and how much\n"
	 "\n"
	 "exit status: 0 nothing differs, 1 something does, 2 usage error, or they could not be "
	 "compared\n",
	 "as JSON"},
	{"key", command_key, "new|show|accounts|limit ...", "keys, and what is used under them",
	 "    twz key new [--store FILE] [--out KEYFILE] [--passphrase]\n"
	 "    twz key show KEYFILE\n"
	 "    twz key accounts FILE\n"
	 "    twz key limit FILE KEY [--pages N] [--frames N]\n"
	 "\n"
	 "new makes a pair of keys: the private one in KEYFILE, by default FILE.key, readable by "
	 "its owner\n"
	 "only; the public one as an object in the store FILE. Prints that object's ID. A KEYFILE "
	 "that exists is\n"
	 "left as it is, and its public key put into the store. show prints what KEYFILE holds, "
	 "but "
	 "not the\n"
	 "private key.\n"
	 "\n"
	 "    --passphrase  asks for one, without which the new KEYFILE cannot be used. From no "
	 "terminal, it\n"
	 "                  is a line of the input.\n"
	 "\n"
	 "accounts lists the keys that objects were made under: how many, the pages of 4 KiB that "
	 "they\n"
	 "take up in the store, and the limits. limit sets those of KEY, a PATH or an ID, @key for "
	 "the\n"
	 "system's. What is over a limit stays, and cannot grow.\n"
	 "\n"
	 "    --pages N     in the store: pages of the key's objects, and one for each of them\n"
	 "    --frames N    of memory, 4 KiB each: what its volatile objects and its threads take\n"
	 "                  on the machine\n"
	 "\n"
	 "N \"none\" takes the limit away.\n",
	 "show, accounts: as JSON"},
	{"sctx", command_sctx, "FILE show|new|add|remove|mask ...", "security contexts",
	 "    twz sctx FILE show CONTEXT\n"
	 "    twz sctx FILE new PATH [--key KEYFILE] [--sign KEYFILE] [--empty] [--perms PERMS]\n"
	 "        [--global PERMS] [--undetachable]\n"
	 "    twz sctx FILE add CONTEXT CAPFILE\n"
	 "    twz sctx FILE remove CONTEXT OBJECT\n"
	 "    twz sctx FILE mask CONTEXT [OBJECT [--override PERMS] [--mask PERMS]] [--global "
	 "PERMS]\n"
	 "\n"
	 "A context holds capabilities and masks. A CONTEXT or OBJECT is a PATH or an ID; @boot is "
	 "the boot\n"
	 "context, @key the system's public key. PERMS are letters: r read, w write, x execute, u "
	 "use, d\n"
	 "delete, or - for none.\n"
	 "\n"
	 "show    what it holds, and whether the signatures are right\n"
	 "new     makes one under the system's key, or that of --key, with default permissions "
	 "--perms, by\n"
	 "        default none, and prints its ID. It may read the root namespace, which the "
	 "system's private\n"
	 "        key signs (--sign, by default FILE.key), and with --key do all to what is made "
	 "under that;\n"
	 "        and the boot context may run programs in it. --empty: nothing of this\n"
	 "add     adds the capability in CAPFILE, which must be for this context\n"
	 "remove  removes all capabilities for the object\n"
	 "mask    on OBJECT the context can have at most (--global and --override) as far as in "
	 "--mask;\n"
	 "        without both, the object has no mask any more\n",
	 "show: as JSON"},
	{"cap", command_cap, "FILE make|show ...", "make and show capabilities",
	 "    twz cap FILE make OBJECT PERMS --for CONTEXT [--from TIME] [--until TIME] "
	 "[--delegate]\n"
	 "        [--of-key] [--gate OFFSET,LENGTH,ALIGN] [--sign KEYFILE] [--out CAPFILE]\n"
	 "    twz cap FILE show CAPFILE\n"
	 "\n"
	 "make signs a capability: CONTEXT may do PERMS to OBJECT. It takes the private key that "
	 "OBJECT was made\n"
	 "under, by default of FILE.key. It is put into CONTEXT, or into CAPFILE.\n"
	 "\n"
	 "    --of-key         OBJECT is a public key: it is for every object made under that\n"
	 "    --from, --until  2026-11-22, 2026-11-22T07:00:00 (UTC), or +30s, +5m, +1h, +7d from "
	 "now on\n"
	 "    --delegate       who has it may pass it on (twz delegate)\n"
	 "    --gate           it gives no permission but entry there\n",
	 "show: as JSON"},
	{"delegate", command_delegate, "FILE CONTEXT OBJECT PERMS ...", "pass a capability on",
	 "    twz delegate FILE CONTEXT OBJECT PERMS --for CONTEXT2 [--sign KEYFILE] [--from "
	 "TIME]\n"
	 "        [--until TIME] [--delegate] [--of-key] [--out CAPFILE]\n"
	 "\n"
	 "CONTEXT passes on what it has for OBJECT, or for the key that OBJECT was made under, to "
	 "CONTEXT2: at\n"
	 "most the same permissions, for at most the same time, and only what may be delegated. It "
	 "takes the\n"
	 "private key that CONTEXT was made under. Options as for twz cap make.\n",
	 NULL},
	{"user", command_user, "FILE new|list|remove ...", "users, who log in with a passphrase",
	 "    twz user FILE new NAME [--passphrase-file HOSTPATH] [--pages N] [--frames N]\n"
	 "        [--sign KEYFILE]\n"
	 "    twz user FILE list\n"
	 "    twz user FILE remove NAME [--home]\n"
	 "\n"
	 "new makes the user NAME: a pair of keys, the context /users/NAME, which may do all to "
	 "what is\n"
	 "made under that key, and the namespace /home/NAME. The private key is sealed under a "
	 "passphrase\n"
	 "(Argon2id, 8 MiB, 3 passes) and lies in the store, where only the keyring reads it: who "
	 "logs in with\n"
	 "the passphrase is that user. The first one also makes the keyring's context. It takes "
	 "the system's\n"
	 "private key (--sign, by default FILE.key).\n"
	 "\n"
	 "    --passphrase-file HOSTPATH  it is the first line of that file; by default it is "
	 "asked "
	 "for\n"
	 "    --pages N, --frames N       limits, as of twz key limit\n"
	 "\n"
	 "list prints the users, their keys, and what there is under those. remove takes context "
	 "and key\n"
	 "away: nobody can log in as NAME, and nothing new be given a right to what NAME has made "
	 "elsewhere.\n"
	 "\n"
	 "    --home  delete also what is in /home/NAME, which is empty else\n",
	 "list: as JSON"},
	{"service", command_service, "FILE add NAME...", "services that come with the system",
	 "    twz service FILE add NAME... [--sign KEYFILE]\n"
	 "\n"
	 "Makes the contexts /srv/NAME, which the system's services act in: from its next start on "
	 "init runs\n"
	 "the services that are there. One that is there is left as it is. It takes the system's "
	 "private key\n"
	 "(--sign, by default FILE.key).\n"
	 "\n"
	 "    names    changes names for those who may USE a namespace and not WRITE it: in the "
	 "root "
	 "namespace,\n"
	 "             and where /srv/names is given READ and WRITE (twz cap make)\n"
	 "    console  prints lines of programs that have no right to the console, marked with who "
	 "they are\n"
	 "\n"
	 "twz user makes the keyring's.\n",
	 NULL},
	{"access", command_access, "FILE OBJECT [OPTION...]", "say who may do what, and why",
	 "For each permission: whether CONTEXT, by default the boot context, has it on OBJECT, and "
	 "why or why\n"
	 "not: the default permissions, the capability (where it is in the context, who signed it, "
	 "its time),\n"
	 "or the mask.\n"
	 "\n"
	 "    --context CONTEXT  a PATH or an ID\n"
	 "    --at TIME          at that time, instead of now\n"
	 "    --entry OFFSET     may it enter OBJECT there, through a gate, by a capability for "
	 "one?\n",
	 "as JSON"},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	printf("twz: makes, looks into, fills, empties, compares and checks a Twizzler store\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("    twz %-8s %-34s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].summary);
	printf("\nFILE is the image of a store on this host; a PATH begins at the store's root "
	       "namespace;\n"
	       "an ID is 32 hexadecimal digits. ls, tree, stat, fot, graph, hexdump, diff, get, "
	       "check, access,\n"
	       "show, accounts and list change nothing, work on a damaged store as far as that "
	       "goes, and but\n"
	       "for get know --json. twz COMMAND --help says more.\n"
	       "\n"
	       "exit status: 0 done; check: sound; diff: nothing differs\n"
	       "             1 failed; check: damaged, or failed; diff: something differs\n"
	       "             2 usage error; diff: or failed\n");
	return STATUS_OK;
}

static int help_command(const struct command *c)
{
	printf("usage: twz %s %s\n\n%s", c->name, c->arguments, c->help);
	if (c->json)
		printf("\n    --json  %s (man twz-json)\n", c->json);
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

	if (json)
		json_finish();
	if (fflush(stdout) || ferror(stdout))
		status = fail("standard output", "%s", strerror(errno));
	return status;
}
