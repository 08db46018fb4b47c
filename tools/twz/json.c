/*
 * json.c - what the looking commands say, as JSON (--json): one object on stdout, by RFC 8259.
 *
 * A number above 2^53, which many readers of JSON would round, is a string of its digits. A byte that
 * belongs to no UTF-8 character becomes the lone surrogate U+DC80 + (byte - 128), as Python's
 * "surrogateescape" has it, so that no two names look alike.
 */
#include <string.h>

#include "tools/twz/twz.h"

#define DEPTH 8 /* of nesting: no shape goes deeper */
#define NUMBER_MAX (1ull << 53)

bool json;

static struct {
	char close[DEPTH]; /* of what is open */
	bool comma;        /* something stands before, in what is open */
	unsigned depth;
	char error[512]; /* the first message of fail */
} out;

static unsigned continuation(const unsigned char *s, uint64_t n)
{
	unsigned i = 0;

	while (i < n && (s[i] & 0xc0) == 0x80)
		i++;
	return i;
}

/* Bytes of the UTF-8 character that begins there; 0 if none does. n > 0. */
unsigned utf8_length(const char *text, uint64_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xc2 ? 4 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;

	if (more == 4 || s[0] > 0xf4 || continuation(s + 1, n - 1 < more ? n - 1 : more) < more)
		return 0;
	/* Written longer than it must be; surrogates; beyond Unicode. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return more + 1;
}

static void put_string(const char *text, uint64_t bytes)
{
	putchar('"');
	for (uint64_t i = 0; i < bytes;) {
		unsigned n = utf8_length(text + i, bytes - i), c = (unsigned char)text[i];

		if (!n)
			printf("\\udc%02x", c);
		else if (c < ' ' || c == 127)
			printf("\\u%04x", c);
		else
			printf("%s%.*s", c == '"' || c == '\\' ? "\\" : "", (int)n, text + i);
		i += n ? n : 1;
	}
	putchar('"');
}

static void begin_value(const char *name)
{
	/* A line for each member of the whole, and for each element of its arrays. */
	if (out.comma)
		putchar(',');
	if (out.depth == 1 || (out.depth == 2 && !name))
		putchar('\n');
	else if (out.comma)
		putchar(' ');
	out.comma = true;
	if (name) {
		put_string(name, strlen(name));
		fputs(": ", stdout);
	}
}

static void begin(const char *name, char open, char close)
{
	begin_value(name);
	putchar(open);
	out.close[out.depth++] = close;
	out.comma = false;
}

void json_object(const char *name)
{
	begin(name, '{', '}');
}

void json_array(const char *name)
{
	begin(name, '[', ']');
}

void json_end(void)
{
	out.comma = true;
	putchar(out.close[--out.depth]);
}

void json_bytes(const char *name, const char *text, uint64_t bytes)
{
	begin_value(name);
	put_string(text, bytes);
}

void json_text(const char *name, const char *text)
{
	json_bytes(name, text, strlen(text));
}

void json_number(const char *name, uint64_t value)
{
	begin_value(name);
	printf(value > NUMBER_MAX ? "\"%llu\"" : "%llu", (unsigned long long)value);
}

void json_hex(const char *name, const void *data, uint64_t bytes)
{
	begin_value(name);
	putchar('"');
	for (uint64_t i = 0; i < bytes; i++)
		printf("%02x", ((const uint8_t *)data)[i]);
	putchar('"');
}

void json_bool(const char *name, bool value)
{
	begin_value(name);
	fputs(value ? "true" : "false", stdout);
}

void json_id(const char *name, struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	begin_value(name);
	twz_id_text(id, text);
	if (twz_id_none(id))
		fputs("null", stdout);
	else
		printf("\"%s\"", text);
}

void json_perms(const char *name, uint32_t perms)
{
	char text[TWZ_PERMS_TEXT];

	twz_perms_text(perms, text);
	json_text(name, text);
}

void json_failed(const char *where, const char *format, va_list args)
{
	int n = 0;

	if (out.error[0])
		return;
	if (where)
		n = snprintf(out.error, sizeof(out.error), "%s: ", where);
	if ((size_t)n < sizeof(out.error))
		vsnprintf(out.error + n, sizeof(out.error) - (size_t)n, format, args);
}

void json_finish(void)
{
	if (!out.depth && !out.error[0])
		return; /* of a usage error */
	while (out.depth > 1)
		json_end();
	if (!out.depth)
		json_object(NULL);
	if (out.error[0])
		json_text("error", out.error);
	putchar('\n');
	json_end();
	putchar('\n');
}
