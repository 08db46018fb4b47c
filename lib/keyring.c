/* keyring.c - the keyring's client (twz/keyring.h). */
#include "core/mem.h"

#include <twz/keyring.h>
#include <twz/right.h>

/* The keyring, with a buffer that holds this. */
struct call {
	struct twz_service service;
	struct twz_buffer buffer;
};

static int begin(struct call *call, const void *data, uint64_t bytes)
{
	int error = twz_service_open(TWZ_KEYRING, KEYRING_VERSION, &call->service);

	if (!error)
		error = twz_buffer_take(&call->service, bytes, &call->buffer);
	if (!error)
		memcpy(call->buffer.data, data, bytes);
	return error;
}

static void end(struct call *call, uint64_t bytes)
{
	twz_wipe(call->buffer.data, bytes);
	twz_buffer_give(&call->service, &call->buffer);
	twz_service_close(&call->service);
}

/* The session goes with this thread, so the keyring must know of it. */
static int show_thread(struct twz_id keyring)
{
	struct twz_id thread;
	int error = twz_rt_self(&thread);

	return error ? error : twz_right_grant(thread, keyring, TWZ_READ);
}

static int log_in(struct keyring_login *login)
{
	struct call call;
	int error = begin(&call, login, sizeof(*login));

	if (error)
		return error;
	error = show_thread(call.service.context);
	if (!error)
		error = (int)TWZ_CALL(&call.service, keyring_login, TWZ_BUFFER_ARGS(&call.buffer));
	memcpy(&login->session, &((struct keyring_login *)call.buffer.data)->session,
	       sizeof(login->session));
	end(&call, sizeof(*login));
	return error;
}

int twz_keyring_login(const char *name, const void *passphrase, uint64_t bytes,
		      struct twz_session *session)
{
	struct keyring_login login = {.bytes = (uint32_t)bytes};
	int error;

	if (bytes > TWZ_PASSPHRASE_MAX)
		return TWZ_E_ARG;
	for (unsigned i = 0; name[i]; i++) {
		if (i == sizeof(login.name) - 1)
			return TWZ_E_RIGHT; /* no user has such a name */
		login.name[i] = name[i];
	}
	memcpy(login.passphrase, passphrase, bytes);
	error = log_in(&login);
	*session = login.session;
	twz_wipe(&login, sizeof(login));
	return error;
}

int twz_keyring_logout(struct twz_id session)
{
	struct twz_service service;
	int error = twz_service_open(TWZ_KEYRING, KEYRING_VERSION, &service);

	return error ? error : (int)TWZ_CALL(&service, keyring_logout, TWZ_ID_ARGS(session));
}

int twz_keyring_sign(struct twz_cap *cap)
{
	struct call call;
	int error = begin(&call, cap, sizeof(*cap));

	if (error)
		return error;
	error = (int)TWZ_CALL(&call.service, keyring_sign, TWZ_BUFFER_ARGS(&call.buffer));
	if (!error)
		memcpy(cap, call.buffer.data, sizeof(*cap));
	end(&call, sizeof(*cap));
	return error;
}
