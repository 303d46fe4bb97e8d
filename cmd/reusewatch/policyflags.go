package main

import (
	"fmt"
	"os"
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
	action   string
	maxActs  string
	protect  []string
	config   string
	// superseded is what is done about an older generation: report, close or kill.
	superseded string
	flags      *pflag.FlagSet
}

// protectedAlways are never acted on: their end is the end of the host's other work.
func protectedAlways() []string {
	return []string{"systemd", "sshd", "kubelet", "containerd", "dockerd", "crio"}
}

func (c *policyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.action, "action", "observe", "observe, close or kill")
	c.addGate(cmd)
	addSupersededAfter(cmd.Flags(), &c.settings.SupersededAfter)
	cmd.Flags().StringVar(&c.superseded, "superseded", c.superseded, "what to do about a superseded listener: report, close or kill")
}

// addGate adds all but what is to be done.
func (c *policyFlags) addGate(cmd *cobra.Command) {
	f, s := cmd.Flags(), &c.settings
	c.flags = f
	c.superseded, s.SupersededAfter = string(listener.Report), supersededAfter
	f.StringVar(&c.config, "config", "", "policy file (see check-config); what is typed here wins over it")
	f.DurationVar(&s.ActAfter, "act-after", 30*time.Second, "how long the same client must stand at the head before an act")
	f.DurationVar(&s.ActAfterServed, "act-after-served", 2*time.Minute, "the same for a listener that served before (--allow-served)")
	f.DurationVar(&s.StartupGrace, "startup-grace", 5*time.Minute, "how long a listener may take to its first accept while no younger member of its group has accepted")
	f.BoolVar(&s.AllowSole, "allow-sole", false, "act though no other member of the group accepts")
	f.BoolVar(&s.AllowServed, "allow-served", false, "act on a listener that served before")
	f.BoolVar(&s.AllowStopped, "allow-stopped", false, "act on a stopped process (state T, no tracer)")
	f.StringVar(&c.maxActs, "max-acts", "1/10m", "acts on one group in a time")
	f.StringArrayVar(&c.protect, "protect", nil, "never act on a process of this name (adds to systemd, sshd, kubelet, containerd, dockerd, crio)")
}

func (c *policyFlags) check(stuckAfter time.Duration) error {
	switch listener.Act(c.action) {
	case listener.Observe, listener.Close, listener.Kill:
	default:
		return usagef("unknown --action %q: it is observe, close or kill", c.action)
	}
	// With a file only the whole tells.
	if c.config == "" && c.settings.ActAfter < stuckAfter {
		return usagef("--act-after %s is shorter than --stuck-after %s", c.settings.ActAfter, stuckAfter)
	}
	if c.settings.ActAfterServed < 0 || c.settings.StartupGrace < 0 {
		return usagef("--act-after-served and --startup-grace cannot be negative")
	}
	return checkSuperseded(c.settings.SupersededAfter, c.superseded)
}

// policy is what the flags ask for: what was typed wins over any file.
func (c *policyFlags) policy(scope listener.Filter, stuckAfter time.Duration, self []int) (judge.Policy, error) {
	p := builtinPolicy()
	p.Scope, p.Self = scope, self
	p.Protect = append(p.Protect, c.protect...)
	p.Default = c.settings
	p.Default.Action, p.Default.StuckAfter = listener.Act(c.action), stuckAfter
	p.Default.Superseded = listener.Act(c.superseded)
	budget, err := policy.ParseBudget(c.maxActs)
	if err != nil {
		return p, usagef("--max-acts: %w", err)
	}
	p.Default.Budget = budget
	p.Given = c.given(&p.Default)
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

// given are the settings that were typed.
func (c *policyFlags) given(s *judge.Settings) judge.Override {
	return judge.Override{
		Action: typed(c.flags, "action", &s.Action), StuckAfter: typed(c.flags, "stuck-after", &s.StuckAfter),
		ActAfter:       typed(c.flags, "act-after", &s.ActAfter),
		ActAfterServed: typed(c.flags, "act-after-served", &s.ActAfterServed),
		StartupGrace:   typed(c.flags, "startup-grace", &s.StartupGrace),
		AllowSole:      typed(c.flags, "allow-sole", &s.AllowSole),
		AllowServed:    typed(c.flags, "allow-served", &s.AllowServed),
		AllowStopped:   typed(c.flags, "allow-stopped", &s.AllowStopped),
		Budget:         typed(c.flags, "max-acts", &s.Budget),
		Superseded:     typed(c.flags, "superseded", &s.Superseded), SupersededAfter: typed(c.flags, "superseded-after", &s.SupersededAfter),
	}
}

func typed[T any](flags *pflag.FlagSet, name string, v *T) *T {
	if !flags.Changed(name) {
		return nil
	}
	value := *v
	return &value
}
