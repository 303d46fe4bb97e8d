package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// policyFlags are what the operator asks for, on the command line and in a file.
type policyFlags struct {
	settings judge.Settings
	protect  []string
	config   string
	flags    *pflag.FlagSet
	typed    []*policy.Flag
}

// protectedAlways are never acted on: their end is the end of the host's other work.
func protectedAlways() []string {
	return []string{"systemd", "sshd", "kubelet", "containerd", "dockerd", "crio"}
}

// toDo are the settings that kill and close have no flags for: they are told what to do.
func toDo() []string { return []string{"action", "superseded", "superseded-after"} }

func (c *policyFlags) add(cmd *cobra.Command) {
	c.addGate(cmd)
	for _, key := range toDo() {
		c.addSetting(policy.Called(key))
	}
}

// addGate adds all but what is to be done, and --stuck-after, which all commands have.
func (c *policyFlags) addGate(cmd *cobra.Command) {
	c.flags, c.settings = cmd.Flags(), policy.Builtin()
	c.flags.StringVar(&c.config, "config", "", "policy file (see check-config); what is typed here wins over it")
	for _, s := range policy.Table() {
		if !s.FileOnly && s.Key != "stuck-after" && !slices.Contains(toDo(), s.Key) {
			c.addSetting(s)
		}
	}
	c.flags.StringArrayVar(&c.protect, "protect", nil, "never act on a process of this name (adds to "+strings.Join(protectedAlways(), ", ")+")")
}

func (c *policyFlags) addSetting(s policy.Setting) {
	c.typed = append(c.typed, addSetting(c.flags, s, c.settings.Field(s.Key)))
}

// addSetting adds the flag of a setting that stands at at.
func addSetting(flags *pflag.FlagSet, s policy.Setting, at any) *policy.Flag {
	f := &policy.Flag{Setting: s, At: at}
	added := flags.VarPF(f, s.Key, "", s.Usage())
	if f.Type() == "bool" {
		added.NoOptDefVal = "true"
	}
	return f
}

// checkSettings tells of the first that was typed wrong.
func checkSettings(typed []*policy.Flag) error {
	for _, f := range typed {
		if f.Err == nil {
			continue
		}
		if text, unknown := strings.CutPrefix(f.Err.Error(), "unknown "+f.Key); unknown {
			return usagef("unknown --%s%s", f.Key, text)
		}
		return usagef("--%s: %w", f.Key, f.Err)
	}
	return nil
}

func (c *policyFlags) check(stuckAfter time.Duration) error {
	if err := checkSettings(c.typed); err != nil {
		return err
	}
	// With a file only the whole tells.
	if c.config == "" && c.settings.ActAfter < stuckAfter {
		return usagef("--act-after %s is shorter than --stuck-after %s", c.settings.ActAfter, stuckAfter)
	}
	return nil
}

// policy is what the flags ask for: what was typed wins over any file.
func (c *policyFlags) policy(scope listener.Filter, stuckAfter time.Duration, self []int) (judge.Policy, error) {
	p := builtinPolicy()
	p.Scope, p.Self = scope, self
	p.Protect = append(p.Protect, c.protect...)
	p.Default = c.settings
	p.Default.StuckAfter = stuckAfter
	p.Given = judge.Saying(p.Default, func(key string) bool { return !policy.Called(key).FileOnly && c.flags.Changed(key) })
	if c.config == "" {
		return p, nil
	}
	return policy.Load(c.config, p)
}

// guarded is the policy of one who may act: never on this process, nor on those
// above it. What is wrong with a policy file has been told.
func (c *policyFlags) guarded(std streams, fs proc.FS, scope listener.Filter, stuckAfter time.Duration) (judge.Policy, error) {
	self, err := fs.Ancestors(os.Getpid())
	if err != nil {
		return judge.Policy{}, fmt.Errorf("find own ancestors: %w", err)
	}
	p, err := c.policy(scope, stuckAfter, append(self, os.Getpid()))
	if err != nil {
		return p, badConfig(std, c.config, err)
	}
	return p, nil
}
