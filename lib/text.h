/*
 * text.h - short texts that need not be terminated, a word at a time. Nothing beside them is loaded.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include "abi/base.h"
#include "core/mem.h"

#define TEXT_INLINE static inline __attribute__((always_inline))

/* 1 to 8 bytes as a word, padded with zeros. */
TEXT_INLINE uint64_t text_word(const char *text, uint64_t bytes)
{
	const uint8_t *byte = (const uint8_t *)text;
	uint32_t low, high;

	if (bytes < sizeof(low)) /* what overlaps is equal */
		return byte[0] | (uint64_t)byte[bytes / 2] << bytes / 2 * 8 |
		       (uint64_t)byte[bytes - 1] << (bytes - 1) * 8;
	memcpy(&low, text, sizeof(low));
	memcpy(&high, text + bytes - sizeof(high), sizeof(high));
	return low | (uint64_t)high << (bytes - sizeof(high)) * 8;
}

/* Are these bytes, not none, the same? The last word overlaps the one before. */
TEXT_INLINE bool text_same(const char *a, const char *b, uint64_t bytes)
{
	if (bytes <= 8)
		return text_word(a, bytes) == text_word(b, bytes);
	for (uint64_t i = 0; i < bytes - 8; i += 8)
		if (text_word(a + i, 8) != text_word(b + i, 8))
			return false;
	return text_word(a + bytes - 8, 8) == text_word(b + bytes - 8, 8);
}

#endif
