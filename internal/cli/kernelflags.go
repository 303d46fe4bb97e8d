package cli

import (
	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// kernelFlags are those of every command that loads the kernel side.
type kernelFlags struct {
	tier string
	btf  string
}

func (k *kernelFlags) add(f *pflag.FlagSet) {
	f.StringVar(&k.tier, "tier", "", "use this tier, not a higher one: functions, tracepoints or queues")
	k.addBTF(f)
}

func (k *kernelFlags) addBTF(f *pflag.FlagSet) {
	f.StringVar(&k.btf, "btf", "", "file with this kernel's types, BTF or vmlinux (default /sys/kernel/btf/vmlinux)")
}

func (k *kernelFlags) check() error {
	switch listener.Tier(k.tier) {
	case "", listener.TierFunctions, listener.TierTracepoints, listener.TierQueues:
		return nil
	default:
		return usagef("unknown --tier %q: it is functions, tracepoints or queues", k.tier)
	}
}

// types are those of --btf, nil without.
func (k *kernelFlags) types() (*kernel.Types, error) {
	if k.btf == "" {
		return nil, nil
	}
	types, err := kernel.ReadTypes(k.btf)
	if err != nil {
		return nil, usagef("--btf: %w", err)
	}
	return types, nil
}
