# Twizzler in C: the build. One file, non-recursive; a new source file needs no edit here.
#
#   make P=debug|release [all]   programs and tools             -> build/$P/bin/*, build/$P/twz
#   make P=... tests             every test executable          -> build/$P/test/*
#   make bench                   measurements, always release   -> build/release/bench/*
#   make man                     the library's manual pages  -> build/$P/man/*.3
#   make format                  rewrite the sources in the project's format
#   V=1 shows the commands.
#
# The same sources are compiled in several variants; each has its objects in build/$P/obj/VARIANT:
#
#   plain     what ships                                         libcore libtwz librt
#   asan      plain, under AddressSanitizer and UBSan            libcore libtwz librt
#   tsan      TWZ_TSAN=1, under ThreadSanitizer                  libcore libtwz librt
#   check     TWZ_CHECK=1 (the checking build), with asan        libcore libtwz librt
#   sim       TWZ_SIM=1 (the simulated medium), with asan        libcore libsim
#   simfast   TWZ_SIM=1 at -O2, for crash enumeration            libcore libsim
#   fuzz      TWZ_SIM=1 compiled by clang for libFuzzer          libcore libsim

P ?= debug
ifeq ($(filter debug release,$(P)),)
$(error P=$(P): the profiles are debug and release)
endif
BUILD ?= build
B := $(BUILD)/$(P)

CC := gcc
CLANG := clang
AR := ar

# ---- flags ---------------------------------------------------------------------------------------

# Without full optimisation, and under sanitizers, gcc takes sound code for uninitialized use; plain
# release and simfast keep that warning.
UNSURE := -Wno-maybe-uninitialized
OPT_debug := -Og -g $(UNSURE)
OPT_release := -O2 -g
OPT := $(OPT_$(P))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
BASE := -std=gnu11 $(WARN) -fno-common -ffunction-sections -pthread -I. -Ilib/include -MMD -MP
LDFLAGS := -pthread -Wl,--gc-sections -Wl,--as-needed
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TSAN := -fsanitize=thread -fno-omit-frame-pointer

# core stands on no OS: freestanding, but memcpy and its like may still be expanded in place.
FREESTANDING := -ffreestanding -fbuiltin

VARIANTS := plain asan tsan check sim simfast fuzz

CFLAGS_plain := $(OPT)
CFLAGS_asan := $(OPT) $(UNSURE) $(ASAN)
CFLAGS_tsan := $(OPT) $(UNSURE) -DTWZ_TSAN=1 $(TSAN)
CFLAGS_check := $(OPT) $(UNSURE) -DTWZ_CHECK=1 $(ASAN)
CFLAGS_sim := $(OPT) $(UNSURE) -DTWZ_SIM=1 $(ASAN)
CFLAGS_simfast := -O2 -g -DTWZ_SIM=1
CFLAGS_fuzz := -O1 -g -DTWZ_SIM=1 $(ASAN) -fsanitize=fuzzer-no-link

LDFLAGS_asan := $(ASAN)
LDFLAGS_tsan := $(TSAN)
LDFLAGS_check := $(ASAN)
LDFLAGS_sim := $(ASAN)
LDFLAGS_fuzz := $(ASAN) -fsanitize=fuzzer

CC_fuzz := $(CLANG)

# System libraries. A program that needs one more names it here: LIBS_bin_NAME.
LIBS := -lsodium
# rt/linux/line.c asks whether it is there, which is no need to the linker.
LIB_EDIT := -Wl,--no-as-needed -ledit -Wl,--as-needed
LIBS_bin_prompt := $(LIB_EDIT)
LIBS_bin_edit := $(LIB_EDIT)
LIBS_bin_login := $(LIB_EDIT)
LIBS_test := -lcmocka
LIBS_bench := -lpmemobj

# ---- sources -------------------------------------------------------------------------------------

sources = $(filter-out %_test.c,$(wildcard $(1)))

CORE_SRC := $(call sources,core/*.c)
TWZ_SRC := $(call sources,lib/*.c)
RT_SRC := $(call sources,rt/linux/*.c)
SIM_SRC := $(call sources,tests/sim/*.c)
TOOL_SRC := $(call sources,tools/twz/*.c)
COMMON_SRC := $(call sources,bin/common/*.c)

# A program is bin/NAME.c or all of bin/NAME/*.c.
PROGRAMS := $(sort $(patsubst bin/%.c,%,$(call sources,bin/*.c)) \
	$(filter-out common,$(patsubst bin/%/,%,$(dir $(call sources,bin/*/*.c)))))
program-src = $(call sources,bin/$(1).c bin/$(1)/*.c) $(COMMON_SRC)
# Of bin/NAME/library/: on the machine an object of its own, hosted a part of the program.
library-src = $(call sources,bin/$(1)/library/*.c)

# ---- libraries -----------------------------------------------------------------------------------

objects = $(patsubst %.c,$(B)/obj/$(1)/%.o,$(2))
# Where a variant's archives are: plain ones in build/$P itself.
folder = $(B)$(if $(filter plain,$(1)),,/$(1))
quiet = $(if $(V),,@echo "  $(1) $(@:$(BUILD)/%=%)";)

define variant-rules
$(B)/obj/$(1)/%.o: %.c Makefile
	@mkdir -p $$(@D)
	$$(call quiet,cc  )$(or $(CC_$(1)),$(CC)) $$(BASE) $$(CFLAGS_$(1)) \
		$$(if $$(filter $(CORE_SRC),$$<),$$(FREESTANDING)) -c -o $$@ $$<
endef
$(foreach v,$(VARIANTS),$(eval $(call variant-rules,$(v))))

# An archive is remade when a member changed, and also when the list of its members did.
define archive-rules
$(1): $(2) $(1:.a=.list)
	$$(call quiet,ar  )rm -f $$@; $$(AR) rcs $$@ $(2)
$(1:.a=.list): FORCE
	@mkdir -p $$(@D); echo '$(2)' | cmp -s - $$@ || echo '$(2)' >$$@
endef
archive = $(eval $(call archive-rules,$(call folder,$(1))/lib$(2).a,$(call objects,$(1),$(3))))

$(foreach v,$(VARIANTS),$(call archive,$(v),core,$(CORE_SRC)))
$(foreach v,plain asan tsan check,$(call archive,$(v),twz,$(TWZ_SRC)))
$(foreach v,plain asan tsan check,$(call archive,$(v),rt,$(RT_SRC)))
$(foreach v,sim simfast fuzz,$(call archive,$(v),sim,$(SIM_SRC)))

whole = $(addprefix $(call folder,$(1))/,libtwz.a librt.a libcore.a)
simulated = $(addprefix $(call folder,$(1))/,libsim.a libcore.a)

# ---- executables ---------------------------------------------------------------------------------

# $(call executable,VARIANT,TARGET,SOURCES,ARCHIVES,SYSTEM LIBRARIES)
define executable-rules
$(2): $(call objects,$(1),$(3)) $(4)
	@mkdir -p $$(@D)
	$$(call quiet,link)$(or $(CC_$(1)),$(CC)) $$(LDFLAGS) $$(LDFLAGS_$(1)) -o $$@ \
		$(call objects,$(1),$(3)) -Wl,--start-group $(4) -Wl,--end-group $(LIBS) $(5)
endef
executable = $(eval $(call executable-rules,$(1),$(2),$(3),$(4),$(5)))

program = $(call executable,$(1),$(call folder,$(1))/bin/$(2),$(call program-src,$(2)) \
	$(call library-src,$(2)),$(call whole,$(1)),$(LIBS_bin_$(2)))
$(foreach v,plain asan check,$(foreach p,$(PROGRAMS),$(call program,$(v),$(p))))
BINS := $(PROGRAMS:%=$(B)/bin/%)

ifneq ($(TOOL_SRC),)
$(call executable,plain,$(B)/twz,$(TOOL_SRC),$(call whole,plain))
$(call executable,asan,$(B)/asan/twz,$(TOOL_SRC),$(call whole,asan))
BINS += $(B)/twz
endif

# Tests: FOLDER/NAME<suffix> becomes build/$P/test/PREFIX_NAME. TESTS collects the names.
# $(call test,VARIANT,PREFIX,FOLDER,SUFFIX,ARCHIVES)
define test-each
TESTS += $(2)_$(3)
$(call executable,$(1),$(B)/test/$(2)_$(3),$(4),$(5),$(LIBS_test))
endef
test = $(foreach s,$(wildcard $(3)/*$(4)),$(eval $(call test-each,$(1),$(2),$(patsubst \
	$(3)/%$(4),%,$(s)),$(s),$(5))))

TESTS :=
$(call test,sim,core,core,_test.c,$(call simulated,sim))
$(call test,asan,lib,lib,_test.c,$(call whole,asan))
$(call test,asan,rt,rt/linux,_test.c,$(call whole,asan))
$(call test,simfast,crash,tests/crash,.c,$(call simulated,simfast))
$(call test,fuzz,fuzz,tests/fuzz,.c,$(call simulated,fuzz))
$(call test,tsan,tsan,tests/tsan,.c,$(call whole,tsan))
$(call test,check,check,tests/check,.c,$(call whole,check))

# Programs that tests kill: tests/kill/NAME.c.
KILLED := $(patsubst tests/kill/%.c,$(B)/kill/%,$(call sources,tests/kill/*.c))
$(foreach k,$(KILLED),$(call executable,plain,$(k),$(k:$(B)/%=tests/%.c),$(call whole,plain)))

# Of the kernel, what touches no hardware.
$(call archive,asan,plat,kernel/plat/pc/tables.c)
$(call test,asan,plat,kernel/plat/pc,_test.c,$(B)/asan/libplat.a)

BENCHES := $(patsubst bench/%.c,%,$(call sources,bench/*.c))
# peer_linux.c is a guest's only program: peer_linux.sh builds it.
$(foreach b,$(BENCHES),$(call executable,plain,$(B)/bench/$(b),bench/$(b).c \
	$(filter-out %/peer_linux.c,$(wildcard bench/lib/*.c)),$(call whole,plain),$(LIBS_bench)))

# The machine: kernel, guest programs, the tools that start it; and what is installed.
-include kernel/kernel.mk rt/minimal/guest.mk tools/vm/vm.mk tools/pack/pack.mk \
	bench/guest/guest.mk bench/peers/peers.mk tests/attack/attack.mk tools/install/install.mk

# ---- what to ask for -----------------------------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all tests bench man format print-tests print-bench clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BINS)

tests: all stage $(KILLED) $(TESTS:%=$(B)/test/%) $(BINS:$(B)/%=$(B)/asan/%) $(PROGRAMS:%=$(B)/check/bin/%)

ifeq ($(P),release)
bench: all $(BENCHES:%=$(B)/bench/%)
else
bench:
	+@$(MAKE) --no-print-directory P=release bench
endif

# The front door asks for the names, so that what was built from a deleted file is never run.
print-tests:
	@printf '%s\n' $(TESTS)
print-bench:
	@printf '%s\n' $(BENCHES)

# The manual's pages of section 3.
man:
	$(call quiet,man )tools/man/pages.sh $(B)/man

format:
	find . -path ./$(BUILD) -prune -o -name '*.[ch]' -print | xargs -r clang-format -i

clean:
	rm -rf $(BUILD)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
