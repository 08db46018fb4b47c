/*
 * access.c - says what a context may do to an object, and why.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: access OBJECT [--context CONTEXT]\n"
	"\n"
	"Says for each permission whether CONTEXT has it on OBJECT, by default the program's own, "
	"and why or\n"
	"why not: the default permissions, the capability (where it is in the context, who signed "
	"it, its\n"
	"time), the grant, or the masks and whose they are. Of its own context that includes what "
	"contexts\n"
	"take away that the program cannot leave. Another CONTEXT must be readable. Hosted on "
	"Linux nothing\n"
	"is enforced, and the answer is what the machine would say; the program's own context is "
	"there the\n"
	"store's boot context.\n"
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

/* What a context's masks are for an object. */
struct masks {
	struct twz_id object;
	uint32_t global, override, mask;
};

static int look(const struct twz_context_item *item, void *arg)
{
	struct masks *masks = arg;

	if (!item->mask || !twz_id_equal(item->target, masks->object))
		return 0;
	masks->override = item->mask->override;
	masks->mask = item->mask->mask;
	return 1;
}

/* Which context takes it away, and by what, if that may be read. */
static void print_masks(struct twz_id context, struct twz_id object)
{
	struct masks masks = {.object = object, .mask = TWZ_PERM_ALL};
	char id[TWZ_ID_TEXT], global[TWZ_PERMS_TEXT], override[TWZ_PERMS_TEXT],
		mask[TWZ_PERMS_TEXT];
	struct twz_obj obj;
	bool read = !twz_rt_may(context, TWZ_READ) && !twz_context_open(context, &obj);

	twz_id_text(context, id);
	twz_print(" (context %s", id);
	if (read && twz_context_each(&obj, look, &masks) >= 0) {
		masks.global = ((const struct twz_context *)twz_obj_data(&obj))->global_mask;
		twz_perms_text(masks.global, global);
		twz_perms_text(masks.override, override);
		twz_perms_text(masks.mask, mask);
		twz_print(": global %s, override %s, mask %s", global, override, mask);
	}
	twz_print(")");
}

static void print_answer(struct twz_id object, const struct twz_obj *context,
			 const struct twz_rt_answer *answer)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};
	char text[TWZ_ID_TEXT];

	for (unsigned i = 0; i < 5; i++) {
		twz_print("%-8s %-3s  %s", names[i], answer->effective >> i & 1 ? "yes" : "no",
			  twz_right_text(answer->reason[i].why));
		if (answer->reason[i].cap)
			print_cap(context, answer->reason[i].cap);
		if (!twz_id_none(answer->reason[i].by))
			print_masks(answer->reason[i].by, object);
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
	struct twz_id object, own;
	int error, status;

	program_begin(help, options, 1, 1, &argc, argv);
	status = named(argv[0], &object);
	if (!status && name)
		status = named_context(name, &context);
	if (status)
		program_end(status);
	error = twz_right_explain(object, context.id, &answer);
	if (error)
		program_end(fail_error(argv[0], error));
	own = twz_rt_info()->context;
	if (!name && !twz_id_none(own) && !twz_rt_may(own, TWZ_READ) &&
	    twz_context_open(own, &context))
		context.base = NULL;
	print_answer(object, &context, &answer);
	program_end(STATUS_OK);
}
