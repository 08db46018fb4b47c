/* message.c - messages of the runtime itself, which has no formats (minimal.h). */
#include <string.h>

#include "rt/minimal/minimal.h"

static void add(struct message *m, const char *text, size_t bytes)
{
	size_t room = sizeof(m->text) - 1 - m->length; /* the last one is the end of the line */

	if (bytes > room)
		bytes = room;
	memcpy(m->text + m->length, text, bytes);
	m->length += (uint32_t)bytes;
}

void message_add(struct message *m, const char *text)
{
	add(m, text, strlen(text));
}

static void number(struct message *m, uint64_t value, uint64_t base, unsigned least)
{
	static const char digits[] = "0123456789abcdef";
	char text[20];
	unsigned at = sizeof(text);

	do
		text[--at] = digits[value % base];
	while (value /= base, value || sizeof(text) - at < least);
	add(m, text + at, sizeof(text) - at);
}

void message_hex(struct message *m, uint64_t value, unsigned least)
{
	number(m, value, 16, least);
}

void message_number(struct message *m, uint64_t value)
{
	number(m, value, 10, 1);
}

void message_version(struct message *m, uint32_t version)
{
	message_number(m, version >> 16);
	message_add(m, ".");
	message_number(m, version & 0xffff);
}

struct message message_begin(void)
{
	struct message m = {.length = 0};

	message_add(&m, minimal.name);
	message_add(&m, ": ");
	return m;
}

void message_end(struct message *m)
{
	m->text[m->length++] = '\n';
	twz_rt_write(2, m->text, m->length);
}

void die(int status, const char *text)
{
	struct message m = message_begin();

	message_add(&m, text);
	message_end(&m);
	exit_now(status);
}
