/* right.c - rights: the kernel's calls. */
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"

int twz_rt_publish(struct twz_id context)
{
	return (int)SYS(context_publish, ID(context));
}

/* After a change of contexts: what is made from now on is made under the active one's key. */
static int changed(int error)
{
	struct twz_sys_info now;

	if (error)
		return error;
	error = (int)SYS(info, &now);
	if (error)
		return error;
	minimal.sys.context = minimal.rt.context = now.context;
	minimal.sys.key = minimal.rt.key = now.key;
	return 0;
}

int twz_rt_attach(struct twz_id context, uint32_t flags)
{
	return changed((int)SYS(context_attach, ID(context), flags));
}

int twz_rt_detach(struct twz_id context)
{
	return changed((int)SYS(context_detach, ID(context)));
}

int twz_rt_switch(struct twz_id context)
{
	return changed((int)SYS(context_switch, ID(context)));
}

int twz_rt_grant(struct twz_id object, struct twz_id context, uint32_t perms)
{
	return (int)SYS(right_grant, ID(object), ID(context), perms);
}

int twz_rt_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer)
{
	return (int)SYS(right_explain, ID(object), ID(context), answer);
}

int twz_rt_may(struct twz_id object, uint32_t perms)
{
	struct twz_rt_answer answer;
	int error = twz_rt_explain(object, (struct twz_id){0, 0}, &answer);

	return error ? error : perms & ~answer.effective ? TWZ_E_RIGHT : 0;
}

int twz_rt_account(struct twz_id key, struct twz_rt_account *account)
{
	struct twz_sys_account found;
	int error = (int)SYS(key_account, ID(key), &found);

	if (error)
		return error;
	*account = (struct twz_rt_account){.frames = found.frames,
					   .frame_limit = found.frame_limit,
					   .pages = found.pages,
					   .page_limit = found.page_limit,
					   .objects = found.objects};
	return 0;
}

int twz_rt_limit_key(struct twz_id key, uint64_t pages, uint64_t frames)
{
	return (int)SYS(key_limit, ID(key), pages, frames);
}
