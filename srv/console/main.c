/*
 * main.c - console: the service that prints lines of programs which have no right to the console (twz/console.h).
 */
#include <string.h>
#include <twz/console.h>
#include <twz/twz.h>

#define STACKS 8u
#define MARK (TWZ_ID_TEXT + 2) /* "[ID] " */

/* In one piece: so no other line comes in between. */
static int print(const char *mark, const char *text, uint64_t bytes)
{
	char line[MARK + CONSOLE_TEXT + 1];
	int64_t n;

	memcpy(line, mark, MARK);
	for (uint64_t i = 0; i < bytes; i++) {
		const unsigned char c = (unsigned char)text[i];

		line[MARK + i] = (char)((c < ' ' && c != '\t') || c == 0x7f ? '?' : c);
	}
	line[MARK + bytes] = '\n';
	n = twz_rt_write(2, line, MARK + bytes + 1);
	return n < 0 ? (int)n : 0;
}

static int64_t console_say(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off,
			   uint64_t bytes)
{
	char text[CONSOLE_TEXT], mark[MARK + 1], id[TWZ_ID_TEXT];
	const char *end = text + bytes, *line = text;
	int error;

	if (!bytes || bytes > sizeof(text))
		return TWZ_E_ARG;
	error = twz_gate_read((struct twz_id){lo, hi}, off, bytes, text);
	twz_id_text(caller->context, id);
	twz_format(mark, sizeof(mark), "[%s] ", id);
	while (!error && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;

		error = print(mark, line, (uint64_t)(stop - line));
		line = stop + 1;
	}
	return error;
}

TWZ_SERVICE(console, CONSOLE_VERSION, CONSOLE_CALLS)

int main(void)
{
	struct twz_id context;
	int error = twz_name_resolve(TWZ_CONSOLE, &context);

	if (!error)
		error = twz_serve(&console_service, context, STACKS, TWZ_GATE_PUBLIC);
	if (!error)
		twz_serve_on();
	twz_warn("console: %s: %s\n", TWZ_CONSOLE, twz_error_text(error));
	return 1;
}
