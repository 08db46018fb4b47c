/*
 * words.c - what a word is.
 */
#include "bin/index/index.h"

/* The byte of a word in lower case, 0 for what is between words. */
static uint8_t word_byte(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c | 0x20;
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || c >= 0x80)
		return c;
	return 0;
}

uint32_t word_next(const char **at, const char *end, char text[WORD_MAX])
{
	const char *p = *at;
	uint32_t length;

	do {
		uint8_t c;

		while (p < end && !word_byte((uint8_t)*p))
			p++;
		for (length = 0; p < end && (c = word_byte((uint8_t)*p)); p++, length++)
			if (length < WORD_MAX)
				text[length] = (char)c;
	} while (length > WORD_MAX);
	*at = p;
	return length;
}

uint64_t word_prefix(const char *text, uint32_t length)
{
	uint64_t prefix = 0;

	for (uint32_t i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < length ? (uint8_t)text[i] : 0);
	return prefix;
}
