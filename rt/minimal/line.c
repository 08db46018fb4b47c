/*
 * line.c - a line of input: with editing and history when a person types it (editor.h), plain else.
 */
#include <string.h>

#include "rt/minimal/console.h"
#include "rt/minimal/editor.h"

#define COLUMNS 80u /* a serial line does not say */
#define PLAIN_ROOM (64u << 10)
#define END 4 /* Ctrl-D */

static struct history history;

static void put(const char *text, uint64_t bytes)
{
	twz_rt_write(1, text, bytes);
}

/* Edits a line. *interrupted: it was given up. EDITOR_END also if the console cannot be read. */
static enum editor_result edit(struct editor *e, const char *prompt, bool *interrupted)
{
	uint32_t interrupts = console_interrupts();
	enum editor_result result = EDITOR_MORE;

	*interrupted = false;
	e->prompt = prompt;
	e->columns = COLUMNS;
	editor_begin(e);
	while (result == EDITOR_MORE) {
		int byte = console_byte(interrupts);

		if (byte == CONSOLE_INTERRUPTED) {
			editor_discard(e);
			*interrupted = true;
			return EDITOR_LINE;
		}
		result = byte < 0 ? EDITOR_END : editor_key(e, (uint8_t)byte);
	}
	return result;
}

/* ---- twz_rt_line ---------------------------------------------------------------------------------- */

static const char *edited(const char *prompt)
{
	static struct editor e;
	enum editor_result result;
	bool interrupted;

	e.history = &history;
	e.put = put;
	console_own_interrupts(true);
	result = edit(&e, prompt, &interrupted);
	console_own_interrupts(false);
	if (result == EDITOR_END)
		return NULL;
	if (!interrupted)
		history_add(&history, e.text);
	return e.text;
}

/* The first PLAIN_ROOM - 1 bytes of the line; null at the end of input. */
static char *plain(void)
{
	static char line[PLAIN_ROOM];
	uint32_t n = 0;
	int byte;

	while ((byte = console_byte(console_interrupts())) != '\n') {
		if (byte == CONSOLE_INTERRUPTED)
			continue;
		if (byte < 0 || (byte == END && !n))
			return NULL;
		if (n < sizeof(line) - 1)
			line[n++] = (char)byte;
	}
	line[n] = 0;
	return line;
}

const char *twz_rt_line(const char *prompt)
{
	return twz_rt_terminal(0) ? edited(prompt) : plain();
}

/* ---- twz_rt_line_hidden --------------------------------------------------------------------------- */

static void put_nothing(const char *text, uint64_t bytes)
{
	(void)text, (void)bytes;
}

static void wipe(void *p, uint64_t bytes)
{
	memset(p, 0, bytes);
	__asm__ volatile("" : : "r"(p) : "memory"); /* though nobody reads it */
}

static int64_t take_hidden(char *text, void *out, uint64_t room)
{
	const uint64_t n = strlen(text);
	const bool fits = n <= room;

	if (fits)
		memcpy(out, text, n);
	wipe(text, n);
	return fits ? (int64_t)n : TWZ_E_LIMIT;
}

/* The editor knows the line; the terminal gets the prompt and the end of the line. */
static int64_t type_hidden(const char *prompt, void *out, uint64_t room)
{
	static struct editor e;
	enum editor_result result;
	bool interrupted;
	int64_t n;

	e.put = put_nothing;
	put(prompt, strlen(prompt));
	console_own_interrupts(true);
	result = edit(&e, "", &interrupted);
	console_own_interrupts(false);
	put("\r\n", 2);
	n = result == EDITOR_END ? TWZ_E_NOTFOUND
	    : interrupted        ? TWZ_E_INTERRUPTED
				 : take_hidden(e.text, out, room);
	wipe(&e, sizeof(e));
	return n;
}

int64_t twz_rt_line_hidden(const char *prompt, void *out, uint64_t room)
{
	char *text;

	if (twz_rt_terminal(0))
		return type_hidden(prompt, out, room);
	text = plain();
	return text ? take_hidden(text, out, room) : TWZ_E_NOTFOUND;
}

/* ---- twz_rt_read ---------------------------------------------------------------------------------- */

/* The line that was typed last, and what of it was not read yet. */
static struct {
	struct editor editor;
	uint32_t at, end;
} line;

bool line_left(void)
{
	return line.at != line.end;
}

/* What a person types, a line at a time; the rest of one is kept for the next call. */
static int64_t typed(char *data, uint64_t bytes)
{
	struct editor *e = &line.editor;
	bool interrupted = false;
	uint64_t n;

	if (!line_left()) {
		e->put = put;
		do
			if (edit(e, "", &interrupted) == EDITOR_END)
				return 0;
		while (interrupted);
		e->text[e->length++] = '\n'; /* where its zero was */
		line.at = 0;
		line.end = e->length;
	}
	n = line.end - line.at < bytes ? line.end - line.at : bytes;
	memcpy(data, e->text + line.at, n);
	line.at += (uint32_t)n;
	return (int64_t)n;
}

int64_t line_read(char *data, uint64_t bytes)
{
	static bool within; /* a line */
	uint64_t n = 0;

	if (twz_rt_terminal(0))
		return bytes ? typed(data, bytes) : 0;
	while (n < bytes) {
		int byte = console_byte(console_interrupts());

		if (byte == CONSOLE_INTERRUPTED)
			continue;
		if (byte < 0)
			return byte;
		if (byte == END && !within)
			break;
		data[n++] = (char)byte;
		within = byte != '\n';
		if (!within)
			break;
	}
	return (int64_t)n;
}
