# Programs of our own kernel: static, without a libc, in the variant `guest`.
#
#   $(B)/guest/bin/NAME, $(B)/guest/test/NAME                ELF, with symbols for gdb
#   $(B)/guest/image/NAME, $(B)/guest/image/test/NAME        the image (abi/program.h)
#
# GUEST_PROGRAMS are the programs of bin/, GUEST_TESTS those of tests/guest/, by name, which
# tests/guest/lib is for; GUEST_RUN those that run and try them; GUEST_IMAGES all images. Another one:
# $(call guest,bin/NAME,SOURCES,LIBRARY), with or without a library that is an object of its own.

GUEST_SRC := $(call sources,rt/minimal/*.c)
GUEST_PROGRAMS := $(PROGRAMS)
GUEST_TESTS := $(patsubst tests/guest/%.c,%,$(call sources,tests/guest/*.c))
GUEST_RUN_SRC := $(call sources,tests/guest/run/*.c tests/guest/self/*.c)
GUEST_RUN := $(notdir $(GUEST_RUN_SRC:.c=))

# Addresses are relative to the instruction: text and data lie 1 GiB apart, the data past 2 GiB.
CFLAGS_guest := $(OPT) $(FREESTANDING) -DTWZ_WHOLE=1 -fpie -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables
# Else the loop in memcpy becomes a call of memcpy.
$(B)/obj/guest/rt/minimal/string.o: CFLAGS_guest += -fno-builtin -fno-tree-loop-distribute-patterns

GUEST_LINK := -static -nostdlib -no-pie -Wl,-T,rt/minimal/program.ld -Wl,--gc-sections \
	-Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--orphan-handling=error

$(eval $(call variant-rules,guest))
GUEST_ENTRY := $(B)/obj/guest/rt/minimal/entry.o
$(GUEST_ENTRY): rt/minimal/entry.S Makefile
	@mkdir -p $(@D)
	$(call quiet,as  )$(CC) -c -o $@ $<

$(call archive,guest,core,$(CORE_SRC))
$(call archive,guest,twz,$(TWZ_SRC))
$(call archive,guest,rt,$(GUEST_SRC))
$(call archive,guest,test,$(call sources,tests/guest/lib/*.c tests/attack/lib/*.c))
$(call objects,guest,$(CORE_SRC) $(TWZ_SRC) $(GUEST_SRC)): rt/minimal/guest.mk

# libsodium for programs, which sign as well: of the same source as the kernel's (kernel/sodium.mk).
# What it asks of its environment stands in rt/minimal/sodium.c.
# Argon2 also asks for memory, malloc and free: of the program that calls it (srv/keyring/memory.c).
GUEST_SODIUM_MORE := \
	crypto_core/hsalsa20/ref2/core_hsalsa20_ref2 \
	crypto_core/salsa/ref/core_salsa_ref \
	crypto_onetimeauth/poly1305/donna/poly1305_donna \
	crypto_onetimeauth/poly1305/onetimeauth_poly1305 \
	crypto_pwhash/argon2/argon2 \
	crypto_pwhash/argon2/argon2-core \
	crypto_pwhash/argon2/argon2-encoding \
	crypto_pwhash/argon2/argon2-fill-block-ref \
	crypto_pwhash/argon2/blake2b-long \
	crypto_pwhash/argon2/pwhash_argon2id \
	crypto_secretbox/crypto_secretbox_easy \
	crypto_sign/ed25519/ref10/keypair \
	crypto_stream/salsa20/ref/salsa20_ref \
	crypto_stream/salsa20/stream_salsa20 \
	sodium/codecs
GUEST_SODIUM_FILES := $(SODIUM_FILES) $(GUEST_SODIUM_MORE)
GUEST_SODIUM := $(GUEST_SODIUM_FILES:%=$(B)/obj/guest/sodium/%.o)
GUEST_SODIUM_CFLAGS := -std=gnu11 -O2 -g -w $(FREESTANDING) -fpie -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-DCONFIGURED=1 -DHAVE_TI_MODE -DNATIVE_LITTLE_ENDIAN \
	-I$(SODIUM)/include -I$(SODIUM)/include/sodium

$(GUEST_SODIUM_MORE:%=$(SODIUM)/%.c): $(SODIUM_TREE)/.version ;
$(GUEST_SODIUM): $(B)/obj/guest/sodium/%.o: $(SODIUM)/%.c rt/minimal/guest.mk
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) $(GUEST_SODIUM_CFLAGS) -c -o $@ $<
$(eval $(call archive-rules,$(B)/guest/libsodium.a,$(GUEST_SODIUM)))

# $(call guest-library,NAME,SLOT,SOURCES): a library that is an object of its own (<twz/library.h>), linked to
# that slot; $(B)/guest/library/NAME.o is what the program is linked with that uses it.
define guest-library-rules
$(B)/guest/library/$(1): $(call objects,guest,$(3)) $(B)/guest/librt.a rt/minimal/library.ld
	@mkdir -p $$(@D)
	$$(call quiet,link)$(CC) $(GUEST_LINK:%program.ld=%library.ld) -Wl,--defsym=library_slot=$(2) \
		-o $$@ $(call objects,guest,$(3)) $(B)/guest/librt.a
$(B)/guest/library/$(1).o: $(B)/guest/library/$(1) rt/minimal/library.S
	@objcopy -O binary $$< $$(@:.o=.image)
	@nm $$< | sed -n 's/^\([0-9a-f]*\) . entry_\(.*\)/ENTRY(\2, 0x\1)/p' >$$(@:.o=.entries)
	$$(call quiet,as  )$(CC) -c -I. -DLIBRARY=$(1)_library -DIMAGE='"$$(@:.o=.image)"' \
		-DENTRIES='"$$(@:.o=.entries)"' -o $$@ rt/minimal/library.S
endef
guest-library = $(eval $(call guest-library-rules,$(1),$(2),$(3)))

# A test's archives: its main is the harness's, if it has none.
guest-whole = $(if $(filter test/%,$(1)),$(B)/guest/libtest.a) $(call whole,guest) \
	$(B)/guest/libsodium.a

# $(call guest,NAME,SOURCES,LIBRARY): the program $(B)/guest/NAME, the image $(B)/guest/image/NAME.
define guest-rules
$(B)/guest/$(1): $(call objects,guest,$(2)) $(3:%=$(B)/guest/library/%.o) $(GUEST_ENTRY) \
		$(call guest-whole,$(1)) rt/minimal/program.ld
	@mkdir -p $$(@D)
	$$(call quiet,link)$(CC) $(GUEST_LINK) -o $$@ $(GUEST_ENTRY) \
		$(call objects,guest,$(2)) $(3:%=$(B)/guest/library/%.o) \
		-Wl,--start-group $(call guest-whole,$(1)) -Wl,--end-group
$(B)/guest/image/$(1:bin/%=%): $(B)/guest/$(1)
	@mkdir -p $$(@D)
	$$(call quiet,copy)objcopy -O binary $$< $$@
GUEST_IMAGES += $(B)/guest/image/$(1:bin/%=%)
endef
guest = $(eval $(call guest-rules,$(1),$(2),$(3)))

GUEST_IMAGES :=
# bin/NAME/library/ is the library of the program NAME, in the first slot for libraries.
GUEST_WITH := $(patsubst bin/%/library/,%,$(sort $(dir $(call sources,bin/*/library/*.c))))
$(foreach p,$(GUEST_WITH),$(call guest-library,$(p),10,$(call library-src,$(p))))
$(foreach p,$(GUEST_PROGRAMS),$(call guest,bin/$(p),$(call program-src,$(p)),$(filter \
	$(p),$(GUEST_WITH))))
$(foreach t,$(GUEST_TESTS),$(call guest,test/$(t),tests/guest/$(t).c))
$(foreach s,$(GUEST_RUN_SRC),$(call guest,test/$(notdir $(s:.c=)),$(s)))

# The tests' names, for the program that runs them.
GUEST_TEST_NAMES := $(foreach t,$(GUEST_TESTS),"$(t)",)
$(B)/guest/tests/guest/names.h: FORCE
	@mkdir -p $(@D); echo '$(GUEST_TEST_NAMES)' | cmp -s - $@ || echo '$(GUEST_TEST_NAMES)' >$@
$(B)/obj/guest/tests/guest/run/tests.o: CFLAGS_guest += -I$(B)/guest
$(B)/obj/guest/tests/guest/run/tests.o: $(B)/guest/tests/guest/names.h

# Programs that tests run in both homes, from the same source: tests/home/NAME.c.
HOME_PROGRAMS := $(patsubst tests/home/%.c,%,$(call sources,tests/home/*.c))
$(foreach p,$(HOME_PROGRAMS),$(call guest,home/$(p),tests/home/$(p).c))
$(foreach p,$(HOME_PROGRAMS),$(call executable,plain,$(B)/home/$(p),tests/home/$(p).c,$(call \
	whole,plain)))
machine: $(HOME_PROGRAMS:%=$(B)/guest/image/home/%) $(HOME_PROGRAMS:%=$(B)/home/%)

# And the model (tests/model/model.h), of several files.
MODEL_SRC := $(call sources,tests/model/*.c)
$(call guest,home/model,$(MODEL_SRC))
$(call executable,plain,$(B)/home/model,$(MODEL_SRC),$(call whole,plain))
$(call executable,asan,$(B)/asan/home/model,$(MODEL_SRC),$(call whole,asan))
machine: $(B)/guest/image/home/model $(B)/home/model
tests: $(B)/home/model $(B)/asan/home/model

# What needs no kernel is tested on the host.
$(eval $(call archive-rules,$(B)/asan/libminimal.a,$(call objects,asan,rt/minimal/editor.c \
	rt/minimal/arguments.c)))
$(call test,asan,minimal,rt/minimal,_test.c,$(B)/asan/libminimal.a)
