/*
 * prompt.c - opens a store and runs programs in it.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: prompt [--store FILE] [--exec 'COMMAND']... [--timeout SECONDS]\n"
	"\n"
	"Opens the store FILE and reads commands until exit or the end of input (Ctrl-D). A "
	"command is a\n"
	"program's name and its arguments; '...', \"...\" and \\ keep blanks in an argument. "
	"Ctrl-C\n"
	"interrupts the program that runs. Within a store, FILE need not be given.\n"
	"\n"
	"    --exec 'COMMAND'    runs COMMAND instead of reading commands; may be repeated. Only "
	"what the\n"
	"                        commands print goes to the output.\n"
	"    --timeout SECONDS   ends everything after so many seconds\n"
	"\n"
	"Built in: help lists the programs; exit [STATUS] leaves, with 0 or STATUS (to 119).\n"
	"\n"
	"exit status: that of the last command; 2 usage error, 124 the time is over, 125 the store "
	"cannot\n"
	"be used, 127 no such command, 128 + N a command crashed with signal N\n";

enum { STATUS_TIMEOUT = 124, STATUS_STORE = 125, STATUS_UNKNOWN = 127, STATUS_SIGNAL = 128 };

#define STATUS_MAX 119 /* what exit takes: those above say how a machine or a program ended */

#define LINE_MAX 65536u
#define WORDS_MAX 1024u
#define SECOND 1000000000ull

/* ---- words ---------------------------------------------------------------------------------------- */

struct words {
	char text[LINE_MAX];
	const char *argv[WORDS_MAX + 1];
	uint32_t n;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word, from *line to *to. Null, or what is wrong. */
static const char *split_word(const char **line, char **to)
{
	const char *from = *line;
	char quote = 0, *out = *to;

	for (; *from && (quote || !blank(*from)); from++) {
		if (*from == '\\' && quote != '\'') {
			if (!*++from)
				return "nothing behind the last \\";
			*out++ = *from;
		} else if (quote ? *from == quote : *from == '\'' || *from == '"') {
			quote = quote ? 0 : *from;
		} else {
			*out++ = *from;
		}
	}
	if (quote)
		return quote == '"' ? "a \" is not closed" : "a ' is not closed";
	*out++ = 0;
	*line = from;
	*to = out;
	return NULL;
}

static const char *split(const char *line, struct words *words)
{
	char *to = words->text;

	words->n = 0;
	if (strlen(line) >= LINE_MAX)
		return "the line is too long";
	for (;;) {
		const char *wrong;

		while (blank(*line))
			line++;
		if (!*line)
			break;
		if (words->n == WORDS_MAX)
			return "too many words";
		words->argv[words->n++] = to;
		wrong = split_word(&line, &to);
		if (wrong)
			return wrong;
	}
	words->argv[words->n] = NULL;
	return NULL;
}

/* ---- commands ------------------------------------------------------------------------------------- */

static int print_help(void)
{
	twz_print("programs:");
	for (const char *const *name = twz_rt_programs(); *name; name++)
		twz_print(" %s", *name);
	twz_print("\nbuilt in: help exit\n"
		  "NAME --help says what a program does; exit or Ctrl-D leaves.\n");
	return STATUS_OK;
}

static void report_signal(const char *name, int signal)
{
	static const char *const names[] = {
		[2] = "interrupted",   [4] = "illegal instruction", [6] = "aborted",
		[7] = "bus error",     [8] = "arithmetic error",    [9] = "killed",
		[11] = "memory fault", [13] = "nobody reads on",    [15] = "ended",
	};
	const char *what = NULL;

	if (signal < (int)(sizeof(names) / sizeof(names[0])))
		what = names[signal];
	twz_warn("prompt: %s: %s (signal %d)\n", name, what ? what : "crashed", signal);
}

/* Runs a program. Its status. */
static int run(const char *const argv[], uint64_t timeout_ns)
{
	int status = STATUS_UNKNOWN, error = twz_run(argv, timeout_ns, &status);

	if (error == TWZ_E_NOTFOUND)
		fail(argv[0], "there is no such program; help lists them");
	else if (error)
		fail_error(argv[0], error);
	if (error)
		return STATUS_UNKNOWN;
	if (status > STATUS_SIGNAL)
		report_signal(argv[0], status - STATUS_SIGNAL);
	return status;
}

/* Runs a line; *leave if it says so. The command's status; `status` is that of the one before. */
static int run_line(const char *line, int status, bool *leave)
{
	static struct words words;
	const char *wrong = split(line, &words);

	if (wrong) {
		twz_warn("prompt: %s\n", wrong);
		return STATUS_USAGE;
	}
	if (!words.n)
		return status;
	if (!strcmp(words.argv[0], "help"))
		return print_help();
	if (!strcmp(words.argv[0], "exit")) {
		int64_t n = words.n > 1 ? parse_number(words.argv[1], STATUS_MAX + 1) : 0;

		if (words.n > 2 || n < 0) {
			twz_warn("prompt: exit takes a number up to %d\n", STATUS_MAX);
			return STATUS_USAGE;
		}
		*leave = true;
		return (int)n;
	}
	return run(words.argv, ~0ull);
}

static int read_lines(void)
{
	const char *line;
	bool leave = false;
	int status = STATUS_OK;

	twz_warn("Twizzler. help lists the programs; exit or Ctrl-D leaves.\n");
	while (!leave && !twz_flush() && (line = twz_rt_line("> ")))
		status = run_line(line, status, &leave);
	return leave ? status : STATUS_OK;
}

/*
 * The same once more, as a program of its own that can be ended when the time is over, and with it
 * what it runs.
 */
static int run_for(int64_t seconds, int ncommands, const char *const commands[])
{
	const char *argv[2 * OPTION_VALUES + 2];
	int n = 0, status = STATUS_FAILED, error;

	argv[n++] = "prompt";
	for (int i = 0; i < ncommands; i++) {
		argv[n++] = "--exec";
		argv[n++] = commands[i];
	}
	argv[n] = NULL;
	error = twz_run(argv, (uint64_t)seconds * SECOND, &status);
	if (error)
		return fail_error("prompt", error);
	if (status == STATUS_TIMEOUT)
		twz_warn("prompt: the time is over\n");
	return status;
}

int main(int argc, char **argv)
{
	const char *store = NULL, *seconds = NULL, *commands[OPTION_VALUES];
	int ncommands = 0, status = STATUS_OK, error = 0;
	bool leave = false;
	const struct option options[] = {
		{.name = "--store", .value = &store},
		{.name = "--timeout", .value = &seconds},
		{.name = "--exec", .value = commands, .nvalues = &ncommands},
		{0}};

	program_begin(help, options, 0, 0, &argc, argv);
	if (seconds && parse_number(seconds, INT32_MAX) <= 0)
		fail_usage("the time-out is a number of seconds, not ", seconds);
	if (store)
		error = twz_rt_open(store);
	if (error) {
		fail(NULL, twz_rt_open_text());
		program_end(STATUS_STORE);
	}
	if (seconds)
		program_end(run_for(parse_number(seconds, INT32_MAX), ncommands, commands));
	if (!ncommands)
		program_end(read_lines());
	for (int i = 0; i < ncommands && !leave; i++)
		status = run_line(commands[i], status, &leave);
	program_end(status);
}
