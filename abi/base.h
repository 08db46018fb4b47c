/*
 * base.h - what every other header of abi/ stands on: the object ID, the pinning of layouts.
 *
 * abi/ holds what crosses a boundary (store image, kernel, runtime, second language): types and
 * numbers, no code. All integers are little endian, reserved bytes are zero, and every structure
 * that is shared is pinned with TWZ_SIZE and TWZ_AT, so that a compiler cannot change a format.
 */
#ifndef TWZ_ABI_BASE_H
#define TWZ_ABI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TWZ_PIN(what) static_assert(what, #what)
#define TWZ_PIN_SAYS(what, text) static_assert(what, text)
#else
#define TWZ_PIN(what) _Static_assert(what, #what)
#define TWZ_PIN_SAYS(what, text) _Static_assert(what, text)
#endif
#define TWZ_SIZE(type, bytes) TWZ_PIN(sizeof(type) == (bytes))
#define TWZ_AT(type, field, offset) TWZ_PIN(offsetof(type, field) == (offset))

/* Around what a C++ program calls; and in a parameter: an array of so many elements or more. */
#ifdef __cplusplus
#define TWZ_C_BEGIN extern "C" {
#define TWZ_C_END }
#define TWZ_AT_LEAST
#else
#define TWZ_C_BEGIN
#define TWZ_C_END
#define TWZ_AT_LEAST static
#endif

#define TWZ_PAGE_SHIFT 12
#define TWZ_PAGE ((uint64_t)1 << TWZ_PAGE_SHIFT)
#define TWZ_LINE 64 /* what one flush writes back */

/*
 * The name of an object, 128 bits: BLAKE2b-128 of its identity (docs/format/record.md). All zero
 * names nothing. Printed as 32 hexadecimal digits, hi first.
 */
struct twz_id {
	uint64_t lo;
	uint64_t hi;
};
TWZ_SIZE(struct twz_id, 16);

#endif
