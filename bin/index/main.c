/*
 * main.c - index: an ordered index of the words in texts.
 */
#include "bin/index/index.h"

static const char help[] =
	"usage: index build PATH [--as NAME]\n"
	"       index find WORD... [--as NAME]\n"
	"       index words [PREFIX] [--as NAME]\n"
	"       index stat|check [--as NAME]\n"
	"\n"
	"    build  indexes every text below PATH. The index before, if there is one, stays in use "
	"until\n"
	"           the new one is whole and takes its place in one step. A build that is killed "
	"in its\n"
	"           last steps can leave the new one as NAME.twz-new, which the next build "
	"removes; "
	"at any\n"
	"           other time it leaves nothing. Objects with a zero byte in their first 4096 are "
	"no texts.\n"
	"    find   prints every line that has all of the words: text, number, and the line "
	"itself, where\n"
	"           it lies in the text's object\n"
	"    words  prints the words that begin with PREFIX, in order, with the number of their "
	"lines\n"
	"    stat   prints how much there is in the index\n"
	"    check  compares the index with the texts, word by word\n"
	"\n"
	"    --as NAME  the index; by default /index\n"
	"\n"
	"A word is a run of letters, digits and apostrophes; capitals A to Z count as small "
	"letters, and\n"
	"all of UTF-8 beyond ASCII as letters. Runs of more than 255 bytes are not indexed. An "
	"index can\n"
	"refer to 65,535 texts.\n"
	"\n"
	"exit status: 0, 1 if nothing was found or something failed, 2 usage error\n";

int main(int argc, char **argv)
{
	const char *name = "/index", *what;
	const struct option options[] = {{.name = "--as", .value = &name}, {0}};

	program_begin(help, options, 1, INT32_MAX, &argc, argv);
	what = argv[0];
	if (!strcmp(what, "build") && argc == 2)
		program_end(index_build(argv[1], name));
	if (!strcmp(what, "find") && argc >= 2)
		program_end(index_find(name, argc - 1, argv + 1));
	if (!strcmp(what, "words") && argc <= 2)
		program_end(index_words(name, argc == 2 ? argv[1] : ""));
	if (!strcmp(what, "stat") && argc == 1)
		program_end(index_stat(name));
	if (!strcmp(what, "check") && argc == 1)
		program_end(index_check(name));
	fail_usage("wrong arguments for, or no such command: ", what);
}
