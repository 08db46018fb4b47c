# The programs that bench/kernel.sh measures with, and the boot archive that has them.
#
#   $(B)/machine/boot-bench    init, the programs of bin/ and those of bench/guest/

GUEST_BENCHES := $(patsubst bench/guest/%.c,%,$(call sources,bench/guest/*.c))
GUEST_BENCH_LIB := $(call sources,bench/guest/lib/*.c)
$(foreach b,$(GUEST_BENCHES),$(call guest,bench/$(b),bench/guest/$(b).c $(GUEST_BENCH_LIB)))
$(call boot,boot-bench,init $(SERVICES) $(GUEST_PROGRAMS) $(GUEST_BENCHES:%=bench/%))

ifeq ($(P),release)
bench: machine
endif
