/* editor.c - editing a line (editor.h). */
#include <string.h>

#include "rt/minimal/editor.h"

enum { STATE_TEXT, STATE_ESCAPE, STATE_BRACKET, STATE_LETTER };

#define CONTROL(letter) ((letter) - '@')

static void put(struct editor *e, const char *text)
{
	e->put(text, strlen(text));
}

static void bell(struct editor *e)
{
	put(e, "\a");
}

/* ---- characters --------------------------------------------------------------------------------- */

static bool continues(char byte)
{
	return (byte & 0xc0) == 0x80;
}

static uint32_t before(const struct editor *e, uint32_t at)
{
	if (at)
		at--;
	while (at && continues(e->text[at]))
		at--;
	return at;
}

static uint32_t behind(const struct editor *e, uint32_t at)
{
	if (at < e->length)
		at++;
	while (at < e->length && continues(e->text[at]))
		at++;
	return at;
}

/* Characters in the first `bytes` of the text. */
static uint32_t column(const struct editor *e, uint32_t bytes)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < bytes; i++)
		n += !continues(e->text[i]);
	return n;
}

/* Where character `column` starts, or the end. */
static uint32_t byte_at(const struct editor *e, uint32_t column)
{
	uint32_t at = 0;

	while (column-- && at < e->length)
		at = behind(e, at);
	return at;
}

/* ---- showing ------------------------------------------------------------------------------------ */

/* Characters that can be shown, one less than fit: the cursor stands behind the last. */
static uint32_t room(const struct editor *e)
{
	return e->columns - 1 - (uint32_t)strlen(e->prompt);
}

static void put_right(struct editor *e, uint32_t columns)
{
	char text[16], *p = text + sizeof(text);

	if (!columns)
		return;
	*--p = 'C';
	for (; columns; columns /= 10)
		*--p = (char)('0' + columns % 10);
	*--p = '[';
	*--p = '\033';
	e->put(p, (uint64_t)(text + sizeof(text) - p));
}

static void show(struct editor *e)
{
	uint32_t at = column(e, e->cursor), from, to;

	if (at < e->scroll)
		e->scroll = at;
	if (at - e->scroll > room(e))
		e->scroll = at - room(e);
	from = byte_at(e, e->scroll);
	to = byte_at(e, e->scroll + room(e));
	put(e, "\r");
	put(e, e->prompt);
	e->put(e->text + from, to - from);
	put(e, "\033[K\r");
	put_right(e, (uint32_t)strlen(e->prompt) + at - e->scroll);
}

/* ---- changes ------------------------------------------------------------------------------------ */

static void insert(struct editor *e, const void *bytes, uint32_t n)
{
	if (e->length + n >= EDITOR_ROOM) {
		bell(e);
		return;
	}
	memmove(e->text + e->cursor + n, e->text + e->cursor, e->length + 1 - e->cursor);
	memcpy(e->text + e->cursor, bytes, n);
	e->length += n;
	e->cursor += n;
	if (e->cursor == e->length && column(e, e->cursor) - e->scroll <= room(e))
		e->put(bytes, n);
	else
		show(e);
}

/* Deletes the text between two places; the cursor stands there then. */
static void cut(struct editor *e, uint32_t from, uint32_t to)
{
	if (from == to) {
		bell(e);
		return;
	}
	memmove(e->text + from, e->text + to, e->length + 1 - to);
	e->length -= to - from;
	e->cursor = from;
	show(e);
}

static void move(struct editor *e, uint32_t to)
{
	if (to == e->cursor) {
		bell(e);
		return;
	}
	e->cursor = to;
	show(e);
}

static uint32_t word_start(const struct editor *e)
{
	uint32_t at = e->cursor;

	while (at && e->text[at - 1] == ' ')
		at--;
	while (at && e->text[at - 1] != ' ')
		at--;
	return at;
}

/* ---- lines before ------------------------------------------------------------------------------- */

void history_add(struct history *history, const char *line)
{
	char(*lines)[EDITOR_ROOM] = history->line;

	if (!*line || (history->count && !strcmp(lines[(history->count - 1) % EDITOR_LINES], line)))
		return;
	memcpy(lines[history->count++ % EDITOR_LINES], line, strlen(line) + 1);
}

static void recall(struct editor *e, bool older)
{
	uint32_t count = e->history ? e->history->count : 0;
	uint32_t oldest = count > EDITOR_LINES ? count - EDITOR_LINES : 0;
	const char *line;

	if (e->recalled == (older ? oldest : count)) {
		bell(e);
		return;
	}
	if (e->recalled == count)
		memcpy(e->kept, e->text, e->length + 1);
	e->recalled += older ? -1u : 1;
	line = e->recalled == count ? e->kept : e->history->line[e->recalled % EDITOR_LINES];
	e->length = e->cursor = (uint32_t)strlen(line);
	memcpy(e->text, line, e->length + 1);
	show(e);
}

/* ---- keys --------------------------------------------------------------------------------------- */

/* The last byte of an escape sequence. */
static void special(struct editor *e, uint8_t last)
{
	if (last == '~')
		last = e->number == 1 || e->number == 7   ? 'H'
		       : e->number == 4 || e->number == 8 ? 'F'
		       : e->number == 3                   ? 'x'
							  : 0;
	switch (last) {
	case 'A':
		recall(e, true);
		break;
	case 'B':
		recall(e, false);
		break;
	case 'C':
		move(e, behind(e, e->cursor));
		break;
	case 'D':
		move(e, before(e, e->cursor));
		break;
	case 'F':
		move(e, e->length);
		break;
	case 'H':
		move(e, 0);
		break;
	case 'x':
		cut(e, e->cursor, behind(e, e->cursor));
		break;
	default:
		bell(e);
	}
}

static void sequence(struct editor *e, uint8_t byte)
{
	if (e->state == STATE_ESCAPE) {
		e->number = 0;
		e->state = byte == '[' ? STATE_BRACKET : byte == 'O' ? STATE_LETTER : STATE_TEXT;
		return;
	}
	if (e->state == STATE_BRACKET && byte >= '0' && byte <= '9') {
		e->number = (uint8_t)(e->number * 10 + (byte - '0'));
		return;
	}
	if (e->state == STATE_BRACKET && byte < '@') /* further numbers: modifiers */
		return;
	e->state = STATE_TEXT;
	special(e, byte);
}

/* Bytes of the UTF-8 character that starts so; 0: none does. */
static uint8_t utf8_bytes(uint8_t first)
{
	return first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

static void utf8(struct editor *e, uint8_t byte)
{
	if (continues((char)byte) != !!e->npartial) {
		e->npartial = 0;
		bell(e);
		if (continues((char)byte))
			return;
	}
	if (!e->npartial) {
		e->wanted = utf8_bytes(byte);
		if (!e->wanted) {
			bell(e);
			return;
		}
	}
	e->partial[e->npartial++] = byte;
	if (e->npartial == e->wanted) {
		e->npartial = 0;
		insert(e, e->partial, e->wanted);
	}
}

static enum editor_result control(struct editor *e, uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		put(e, "\r\n");
		return EDITOR_LINE;
	case CONTROL('A'):
		move(e, 0);
		break;
	case CONTROL('B'):
		move(e, before(e, e->cursor));
		break;
	case CONTROL('D'):
		if (e->length) {
			cut(e, e->cursor, behind(e, e->cursor));
			break;
		}
		put(e, "\r\n");
		return EDITOR_END;
	case CONTROL('E'):
		move(e, e->length);
		break;
	case CONTROL('F'):
		move(e, behind(e, e->cursor));
		break;
	case '\b':
	case 0x7f:
		cut(e, before(e, e->cursor), e->cursor);
		break;
	case CONTROL('K'):
		cut(e, e->cursor, e->length);
		break;
	case CONTROL('L'):
		put(e, "\033[H\033[2J");
		show(e);
		break;
	case CONTROL('N'):
		recall(e, false);
		break;
	case CONTROL('P'):
		recall(e, true);
		break;
	case CONTROL('U'):
		cut(e, 0, e->cursor);
		break;
	case CONTROL('W'):
		cut(e, word_start(e), e->cursor);
		break;
	case '\033':
		e->state = STATE_ESCAPE;
		break;
	default:
		bell(e);
	}
	return EDITOR_MORE;
}

enum editor_result editor_key(struct editor *e, uint8_t byte)
{
	if (e->state != STATE_TEXT)
		sequence(e, byte);
	else if (byte >= 0x80)
		utf8(e, byte);
	else if (byte < ' ' || byte == 0x7f)
		return control(e, byte);
	else
		insert(e, &byte, 1);
	return EDITOR_MORE;
}

void editor_begin(struct editor *e)
{
	e->length = e->cursor = e->scroll = 0;
	e->state = STATE_TEXT;
	e->npartial = 0;
	e->text[0] = 0;
	e->recalled = e->history ? e->history->count : 0;
	put(e, e->prompt);
}

void editor_discard(struct editor *e)
{
	put(e, "^C\r\n");
	e->length = 0;
	e->text[0] = 0;
}
