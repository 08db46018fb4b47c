/*
 * log.c - lines for the log, and their format.
 */
#include "core/mem.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/machine.h"

#define LINE_MAX 240u /* with what stands before the text, and the end */

/* ---- format ----------------------------------------------------------------------------------------- */

struct out {
	char *to;
	uint64_t room, length; /* length <= room */
};

static void put(struct out *out, char c)
{
	if (out->length < out->room)
		out->to[out->length++] = c;
}

static void pad(struct out *out, char c, uint64_t length, unsigned width)
{
	for (; length < width; length++)
		put(out, c);
}

/* One conversion: %[-][0][width][l|ll|z]what. */
struct conversion {
	bool left, zeros, wide;
	unsigned width;
};

static void put_text(struct out *out, const struct conversion *c, const char *text, uint64_t length)
{
	if (!c->left)
		pad(out, ' ', length, c->width);
	for (uint64_t i = 0; i < length; i++)
		put(out, text[i]);
	if (c->left)
		pad(out, ' ', length, c->width);
}

static void put_string(struct out *out, const struct conversion *c, const char *text)
{
	uint64_t length = 0;

	if (!text)
		text = "(null)";
	while (text[length])
		length++;
	put_text(out, c, text, length);
}

static void put_number(struct out *out, struct conversion *c, bool negative, uint64_t value,
		       unsigned base)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (c->zeros && !c->left) {
		if (negative)
			put(out, '-');
		pad(out, '0', sizeof(digits) - at + negative, c->width);
		c->width = 0;
	} else if (negative) {
		digits[--at] = '-';
	}
	put_text(out, c, &digits[at], sizeof(digits) - at);
}

static const char *read_conversion(const char *format, struct conversion *c)
{
	*c = (struct conversion){0};
	for (;; format++) {
		if (*format == '-')
			c->left = true;
		else if (*format == '0')
			c->zeros = true;
		else
			break;
	}
	for (; *format >= '0' && *format <= '9'; format++)
		c->width = c->width * 10 + (unsigned)(*format - '0');
	for (; *format == 'l' || *format == 'z'; format++)
		c->wide = true;
	return format;
}

uint64_t kvformat(char *to, uint64_t room, const char *format, va_list arguments)
{
	struct out out = {to, room ? room - 1 : 0, 0};

	for (; *format; format++) {
		struct conversion c;
		const char *start = format;
		int64_t value;

		if (*format != '%') {
			put(&out, *format);
			continue;
		}
		format = read_conversion(format + 1, &c);
		switch (*format) {
		case 'd':
			value = c.wide ? va_arg(arguments, int64_t) : va_arg(arguments, int);
			put_number(&out, &c, value < 0,
				   value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
			break;
		case 'u':
		case 'x':
			put_number(&out, &c, false,
				   c.wide ? va_arg(arguments, uint64_t)
					  : va_arg(arguments, unsigned),
				   *format == 'u' ? 10 : 16);
			break;
		case 'p':
			put(&out, '0');
			put(&out, 'x');
			put_number(&out, &c, false, va_arg(arguments, uint64_t), 16);
			break;
		case 'c':
			put_text(&out, &c, (const char[]){(char)va_arg(arguments, int)}, 1);
			break;
		case 's':
			put_string(&out, &c, va_arg(arguments, const char *));
			break;
		case '%':
			put(&out, '%');
			break;
		default: /* unknown: as it stands, so that it is seen */
			put_text(&out, &(struct conversion){0}, start, (uint64_t)(format - start));
			format--;
			break;
		}
	}
	if (room)
		to[out.length] = 0;
	return out.length;
}

uint64_t kformat(char *to, uint64_t room, const char *format, ...)
{
	va_list arguments;
	uint64_t length;

	va_start(arguments, format);
	length = kvformat(to, room, format, arguments);
	va_end(arguments);
	return length;
}

/* ---- the log ---------------------------------------------------------------------------------------- */

static uint32_t locked;
static bool in_panic;

void log_panic(void)
{
	__atomic_store_n(&in_panic, true, __ATOMIC_RELEASE);
}

/* Seconds since the kernel's entry, once the clock is measured, and the processor's number. */
static uint64_t put_head(char *to, uint64_t room)
{
	uint64_t us = 0;

	if (machine.cycles_per_s >= 1000000)
		us = (cycles() - machine.entry_cycles) / (machine.cycles_per_s / 1000000);
	return kformat(to, room, "%3lu.%06lu %u ", us / 1000000, us % 1000000, cpu_this()->number);
}

void klog(const char *format, ...)
{
	char line[LINE_MAX];
	uint64_t length = put_head(line, sizeof(line));
	va_list arguments;
	bool panicking = __atomic_load_n(&in_panic, __ATOMIC_ACQUIRE);

	va_start(arguments, format);
	length += kvformat(line + length, sizeof(line) - 1 - length, format, arguments);
	va_end(arguments);
	line[length++] = '\n';

	if (panicking) { /* all others are stopped, perhaps one with the lock */
		debug_put(line, length);
		serial_put(line, length);
		return;
	}
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
	debug_put(line, length);
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}
