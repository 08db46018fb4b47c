/*
 * io.h - text in and out, for programs that know no C library.
 *
 * Output is kept back and written when 4 KiB are full, by twz_flush and twz_run, and when the
 * program ends. Messages go out at once, output before them. A text of twz_print is at most 4 KiB
 * long, one of twz_warn 1 KiB; more is cut. Any thread may write; a call's text stays together.
 */
#ifndef TWZ_IO_H
#define TWZ_IO_H

#include <stdarg.h>
#include <twz/obj.h>

TWZ_C_BEGIN

/*
 * Formats: %s %.*s %c %d %i %u %x %X %o %p %% with h, l, ll, z; width (also *), precision, and the
 * flags - 0 + and space.
 */
void twz_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* To the messages, with nothing before or after. */
void twz_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* At most `bytes` into out, always terminated; returns what the whole would take, without zero. */
uint64_t twz_format(char *out, uint64_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t twz_vformat(char *out, uint64_t bytes, const char *format, va_list args);

/* Bytes as they are, to the output. An error: the output is closed or full. */
int twz_put(const void *data, uint64_t bytes);
int twz_flush(void);

/* "the store is full"; and "FULL". */
const char *twz_error_text(int error);
const char *twz_error_name(int error);

#define TWZ_ID_TEXT 33 /* 32 digits and the terminating zero */
void twz_id_text(struct twz_id id, char out[TWZ_AT_LEAST TWZ_ID_TEXT]);
/* Exactly 32 hexadecimal digits; TWZ_E_ARG. */
int twz_id_parse(const char *text, struct twz_id *id);

/* Runs a program and waits, as twz_rt_run, what was printed so far before it. */
int twz_run(const char *const argv[], uint64_t timeout_ns, int *status);

TWZ_C_END

#endif
