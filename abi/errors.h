/*
 * errors.h - the one list of errors: the numbers, the names and the texts that a person reads.
 *
 * Every function that can fail returns 0 or one of these, negative. There is no global last error.
 * X(name, number, text). A number is never reused.
 */
#ifndef TWZ_ABI_ERRORS_H
#define TWZ_ABI_ERRORS_H

/* clang-format off */
#define TWZ_ERRORS(X)                                                                   \
	X(ARG,         1, "the argument is not valid")                                  \
	X(NOTFOUND,    2, "there is no such object or name")                            \
	X(EXISTS,      3, "the name exists already")                                    \
	X(NOMEM,       4, "out of memory")                                              \
	X(FULL,        5, "the store is full")                                          \
	X(RIGHT,       6, "the right is not granted")                                   \
	X(BUSY,        7, "in use; try again")                                          \
	X(DAMAGED,     8, "the store is damaged here; run `twz check`")                 \
	X(VERSION,     9, "another version of the format or the ABI")                   \
	X(RANGE,      10, "the range leaves the object")                                \
	X(SEALED,     11, "the object is sealed and cannot change")                     \
	X(FOTFULL,    12, "the object already refers to 65,535 other objects")          \
	X(TXFULL,     13, "the transaction is larger than the object's log")            \
	X(HEAPFULL,   14, "the object's heap has no room for this")                     \
	X(UNRESOLVED, 15, "the name is bound to nothing")                               \
	X(TYPE,       16, "the object is of another type")                              \
	X(READONLY,   17, "the store can only be read")                                 \
	X(NOSLOT,     18, "every slot of the view is in use")                           \
	X(TIMEOUT,    19, "the time is over")                                           \
	X(IO,         20, "the device or host reports an error")                        \
	X(NOTSTORE,   21, "this is not a Twizzler store")                               \
	X(NAME,       22, "the name is empty, too long or has a character not allowed") \
	X(NOTEMPTY,   23, "the namespace is not empty")                                 \
	X(LIMIT,      24, "a limit is reached")                                         \
	X(OUTSIDE,    25, "the address is in no object")                                \
	X(ABSENT,     26, "this system does not have that")                             \
	X(INTERRUPTED, 27, "a signal ended the wait; try again")                        \
	X(CALLEE,     28, "what was called through the gate failed")                    \
	X(FORKED,     29, "the transaction is of the process that forked this one")     \
	X(NESTED,     30, "the object is in another transaction of this program: give that one along")
/* clang-format on */

#define TWZ_ERROR_ENUM_(name, number, text) TWZ_E_##name = -(number),
enum twz_error { TWZ_OK = 0, TWZ_ERRORS(TWZ_ERROR_ENUM_) };
#undef TWZ_ERROR_ENUM_

#endif
