/* right.c - rights: the kernel's calls. */
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"

int twz_rt_publish(struct twz_id context)
{
	return (int)SYS(context_publish, ID(context));
}

int twz_rt_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer)
{
	return (int)SYS(right_explain, ID(object), ID(context), answer);
}
