/* io.c - text in and out (twz/io.h). */
#include "core/mem.h"
#include "lib/lock.h"

#include <twz/console.h>
#include <twz/io.h>

#define OUTPUT 1
#define MESSAGES 2

/* ---- formatting --------------------------------------------------------------------------------- */

struct out {
	char *at, *end; /* room for the text without its terminating zero */
	uint64_t total; /* what the whole text takes */
};

static void add(struct out *out, const char *text, uint64_t bytes)
{
	uint64_t room = (uint64_t)(out->end - out->at), n = bytes < room ? bytes : room;

	if (n)
		memcpy(out->at, text, n);
	out->at += n;
	out->total += bytes;
}

static void fill(struct out *out, char c, int count)
{
	while (count-- > 0)
		add(out, &c, 1);
}

struct spec {
	bool left, zero, plus, space;
	int width, precision; /* precision -1: none given */
	char length;          /* h, H (hh), l (l, ll, z) or 0 */
};

/* prefix, then text, in a field. */
static void field(struct out *out, const struct spec *spec, const char *prefix, int prefix_length,
		  const char *text, int length, int zeros)
{
	int pad = spec->width - prefix_length - zeros - length;

	if (!spec->left)
		fill(out, ' ', pad);
	add(out, prefix, (uint64_t)prefix_length);
	fill(out, '0', zeros);
	add(out, text, (uint64_t)length);
	if (spec->left)
		fill(out, ' ', pad);
}

static void number(struct out *out, const struct spec *spec, uint64_t value, unsigned base,
		   bool upper, const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int length = 0, zeros = 0, prefix_length = 0;
	char text[32], *p = text + sizeof(text);

	while (prefix[prefix_length])
		prefix_length++;
	for (; value; value /= base, length++)
		*--p = digits[value % base];
	if (spec->precision > length)
		zeros = spec->precision - length;
	else if (spec->precision < 0 && !length)
		zeros = 1;
	if (spec->zero && !spec->left && spec->precision < 0 &&
	    spec->width > prefix_length + zeros + length)
		zeros = spec->width - prefix_length - length;
	field(out, spec, prefix, prefix_length, p, length, zeros);
}

static void string(struct out *out, const struct spec *spec, const char *text)
{
	int length = 0;

	if (!text)
		text = "(null)";
	while ((spec->precision < 0 || length < spec->precision) && text[length])
		length++;
	field(out, spec, "", 0, text, length, 0);
}

static int take_int(const char **format, va_list args)
{
	int n = 0;

	if (**format == '*') {
		++*format;
		return va_arg(args, int);
	}
	while (**format >= '0' && **format <= '9')
		n = n * 10 + (*(*format)++ - '0');
	return n;
}

static struct spec take_spec(const char **format, va_list args)
{
	struct spec spec = {.precision = -1};

	for (;; ++*format) {
		if (**format == '-')
			spec.left = true;
		else if (**format == '0')
			spec.zero = true;
		else if (**format == '+')
			spec.plus = true;
		else if (**format == ' ')
			spec.space = true;
		else
			break;
	}
	spec.width = take_int(format, args);
	if (spec.width < 0) {
		spec.left = true;
		spec.width = -spec.width;
	}
	if (**format == '.') {
		++*format;
		spec.precision = take_int(format, args);
	}
	while (**format == 'h' || **format == 'l' || **format == 'z') {
		spec.length = **format == 'h' ? (spec.length ? 'H' : 'h') : 'l';
		++*format;
	}
	return spec;
}

static int64_t take_signed(const struct spec *spec, va_list args)
{
	if (spec->length == 'l')
		return va_arg(args, long);
	return spec->length == 'H'   ? (signed char)va_arg(args, int)
	       : spec->length == 'h' ? (short)va_arg(args, int)
				     : va_arg(args, int);
}

static uint64_t take_unsigned(const struct spec *spec, va_list args)
{
	if (spec->length == 'l')
		return va_arg(args, unsigned long);
	return spec->length == 'H'   ? (unsigned char)va_arg(args, unsigned)
	       : spec->length == 'h' ? (unsigned short)va_arg(args, unsigned)
				     : va_arg(args, unsigned);
}

/* One conversion; format is behind the '%'. Returns what follows it. */
static const char *convert(struct out *out, const char *format, va_list args)
{
	struct spec spec = take_spec(&format, args);
	int64_t value;
	char c;

	switch (*format) {
	case 'd':
	case 'i':
		value = take_signed(&spec, args);
		number(out, &spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false,
		       value < 0    ? "-"
		       : spec.plus  ? "+"
		       : spec.space ? " "
				    : "");
		break;
	case 'u':
		number(out, &spec, take_unsigned(&spec, args), 10, false, "");
		break;
	case 'x':
	case 'X':
		number(out, &spec, take_unsigned(&spec, args), 16, *format == 'X', "");
		break;
	case 'o':
		number(out, &spec, take_unsigned(&spec, args), 8, false, "");
		break;
	case 'p':
		number(out, &spec, (uint64_t)va_arg(args, void *), 16, false, "0x");
		break;
	case 'c':
		c = (char)va_arg(args, int);
		field(out, &spec, "", 0, &c, 1, 0);
		break;
	case 's':
		string(out, &spec, va_arg(args, const char *));
		break;
	case '%':
		add(out, "%", 1);
		break;
	default: /* not one of ours: as it stands */
		add(out, "%", 1);
		return format;
	}
	return format + 1;
}

uint64_t twz_vformat(char *text, uint64_t bytes, const char *format, va_list args)
{
	struct out out = {text, text + (bytes ? bytes - 1 : 0), 0};
	va_list rest;

	va_copy(rest, args); /* a parameter's va_list cannot be passed on by address */
	while (*format) {
		const char *start = format;

		while (*format && *format != '%')
			format++;
		add(&out, start, (uint64_t)(format - start));
		if (*format)
			format = convert(&out, format + 1, rest);
	}
	va_end(rest);
	if (bytes)
		*out.at = 0;
	return out.total;
}

uint64_t twz_format(char *text, uint64_t bytes, const char *format, ...)
{
	va_list args;
	uint64_t total;

	va_start(args, format);
	total = twz_vformat(text, bytes, format, args);
	va_end(args);
	return total;
}

/* ---- output ------------------------------------------------------------------------------------- */

static struct lock lock;
static struct {
	char text[4096];
	uint64_t used;
	int error; /* the first one stays: what was printed since is lost */
} output;          /* `lock` held */

static int flush(void)
{
	if (output.used && !output.error) {
		int64_t n = twz_rt_write(OUTPUT, output.text, output.used);

		output.error = n < 0 ? (int)n : 0;
	}
	output.used = 0;
	return output.error;
}

static int put(const void *data, uint64_t bytes)
{
	int64_t n;

	if (output.used + bytes > sizeof(output.text))
		flush();
	if (bytes > sizeof(output.text) && !output.error) {
		n = twz_rt_write(OUTPUT, data, bytes);
		output.error = n < 0 ? (int)n : 0;
	} else if (!output.error) {
		memcpy(output.text + output.used, data, bytes);
		output.used += bytes;
	}
	return output.error;
}

/* Loads from every page: a fault in an object is dealt with here, not under the lock. */
static void touch(const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += TWZ_PAGE)
		(void)*(const volatile uint8_t *)(data + i);
	if (bytes)
		(void)*(const volatile uint8_t *)(data + bytes - 1);
}

int twz_put(const void *data, uint64_t bytes)
{
	int error;

	touch(data, bytes);
	lock_take(&lock);
	error = put(data, bytes);
	lock_give(&lock);
	return error;
}

__attribute__((destructor)) int twz_flush(void)
{
	int error;

	lock_take(&lock);
	error = flush();
	lock_give(&lock);
	return error;
}

void twz_print(const char *format, ...)
{
	char text[sizeof(output.text)];
	uint64_t total;
	va_list args;

	va_start(args, format);
	total = twz_vformat(text, sizeof(text), format, args);
	va_end(args);
	twz_put(text, total < sizeof(text) ? total : sizeof(text) - 1);
}

void twz_warn(const char *format, ...)
{
	char text[CONSOLE_TEXT];
	uint64_t total;
	va_list args;
	int64_t n;

	va_start(args, format);
	total = twz_vformat(text, sizeof(text), format, args);
	va_end(args);
	if (total >= sizeof(text))
		total = sizeof(text) - 1;
	lock_take(&lock);
	flush();
	n = twz_rt_write(MESSAGES, text, total);
	lock_give(&lock);
	if (n == TWZ_E_RIGHT || n == TWZ_E_NOTFOUND)
		twz_console_say(text, total);
}

/* ---- errors and IDs ----------------------------------------------------------------------------- */

const char *twz_error_text(int error)
{
	switch (error) {
	case 0:
		return "no error";
#define TEXT(name, number, text) \
	case TWZ_E_##name:       \
		return text;
		TWZ_ERRORS(TEXT)
#undef TEXT
	default:
		return "unknown error";
	}
}

const char *twz_error_name(int error)
{
	switch (error) {
#define NAME(name, number, text) \
	case TWZ_E_##name:       \
		return #name;
		TWZ_ERRORS(NAME)
#undef NAME
	default:
		return "OK";
	}
}

void twz_id_text(struct twz_id id, char out[static TWZ_ID_TEXT])
{
	twz_format(out, TWZ_ID_TEXT, "%016lx%016lx", id.hi, id.lo);
}

int twz_id_parse(const char *text, struct twz_id *id)
{
	uint64_t half[2] = {0};
	int i;

	for (i = 0; i < TWZ_ID_TEXT - 1; i++) {
		char c = text[i], low = (char)(c | 0x20);
		uint64_t digit = c >= '0' && c <= '9'       ? (uint64_t)(c - '0')
				 : low >= 'a' && low <= 'f' ? (uint64_t)(low - 'a' + 10)
							    : 16;

		if (digit == 16)
			return TWZ_E_ARG;
		half[i / 16] = half[i / 16] << 4 | digit;
	}
	if (text[i])
		return TWZ_E_ARG;
	*id = (struct twz_id){.hi = half[0], .lo = half[1]};
	return 0;
}

int twz_run(const char *const argv[], uint64_t timeout_ns, int *status)
{
	twz_flush();
	return twz_rt_run(argv, timeout_ns, status);
}
