/*
 * access.c - says what a context may do to an object, and why.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: access OBJECT [--context CONTEXT]\n"
	"\n"
	"Says for each permission whether CONTEXT, by default the program's own, has it on OBJECT, "
	"and why or\n"
	"why not: the default permissions, the capability (where it is in the context, who signed "
	"it, its\n"
	"time), or the mask. Hosted on Linux nothing is enforced, and the answer is what the "
	"machine "
	"would\n"
	"say; the program's own context is there the store's boot context.\n"
	"\n"
	"exit status: 0, 1 if it could not be found out, 2 usage error\n";

/* The capability, if the context may be read. */
static void print_cap(const struct twz_obj *context, uint64_t off)
{
	const struct twz_cap *cap;
	char signer[TWZ_ID_TEXT], when[TWZ_TIME_TEXT];

	twz_print(" (at 0x%llx", (unsigned long long)off);
	if (context->base && off < TWZ_SLOT_SIZE - sizeof(*cap)) {
		cap = (const struct twz_cap *)(context->base + off);
		twz_id_text(cap->signer, signer);
		twz_print(", signed by %s", signer);
		if (cap->not_before) {
			twz_time_text(cap->not_before, when);
			twz_print(", from %s", when);
		}
		if (cap->expires) {
			twz_time_text(cap->expires, when);
			twz_print(", until %s", when);
		}
	}
	twz_print(")");
}

static void print_answer(const struct twz_obj *context, const struct twz_rt_answer *answer)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};
	char text[TWZ_ID_TEXT];

	for (unsigned i = 0; i < 5; i++) {
		twz_print("%-8s %-3s  %s", names[i], answer->effective >> i & 1 ? "yes" : "no",
			  twz_right_text(answer->reason[i].why));
		if (answer->reason[i].cap)
			print_cap(context, answer->reason[i].cap);
		if (!twz_id_none(answer->reason[i].by)) {
			twz_id_text(answer->reason[i].by, text);
			twz_print(" (%s)", text);
		}
		twz_print("\n");
	}
	if (answer->until != ~0ull) {
		twz_time_text(answer->until, text);
		twz_print("until %s\n", text);
	}
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	const struct option options[] = {{.name = "--context", .value = &name}, {0}};
	struct twz_obj context = {.base = NULL};
	struct twz_rt_answer answer;
	struct twz_id object;
	int error, status;

	program_begin(help, options, 1, 1, &argc, argv);
	status = named(argv[0], &object);
	if (!status && name)
		status = named_context(name, &context);
	if (status)
		program_end(status);
	error = twz_rt_explain(object, context.id, &answer);
	if (error)
		program_end(fail_error(argv[0], error));
	print_answer(&context, &answer);
	program_end(STATUS_OK);
}
