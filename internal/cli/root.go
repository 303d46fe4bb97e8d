package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// streams are where data and messages go.
type streams struct{ out, err io.Writer }

func newRoot(std streams, fs proc.FS, version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "reusewatch",
		Short: "Find, and when armed remove, the listener that gets connections and never accepts them",
		Long: `reusewatch watches every TCP listener of this host in the kernel, above all
SO_REUSEPORT groups. It finds the member that gets connections and never accepts
them, says who it is and how many clients suffer, and, when armed, ends exactly
that process.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(
		newList(std, fs), newExplain(std, fs), newTop(std, fs), newCheck(std, fs), newRun(std, fs, version), newKill(std, fs), newClose(std, fs),
		newDoctor(std), newDemo(std, fs), newReplay(std), newCheckConfig(std),
		newVersion(std, version), newCompletion(std),
	)
	for _, cmd := range append(root.Commands(), root) {
		complete(cmd, fs)
		args := cmd.Args
		cmd.Args = func(cmd *cobra.Command, a []string) error {
			if err := args(cmd, a); err != nil {
				return usagef("%w; see `%s --help`", err, cmd.CommandPath())
			}
			return nil
		}
	}
	root.AddCommand(topics()...)
	return root
}

// observing are the flags of every command that looks.
type observing struct {
	stuckAfter time.Duration
	interval   time.Duration
	kernelFlags
	filter filterFlags
	names  nameFlags
	// source measures the kernel side; nil: nobody wants to know.
	source func(watch.Source) watch.Source
}

func (o *observing) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&o.stuckAfter, "stuck-after", 10*time.Second, "how long the same client must stand at the head of the queue")
	f.DurationVar(&o.interval, "interval", time.Second, "between two looks")
	o.kernelFlags.add(f)
	o.filter.add(f)
	o.names.add(cmd)
}

func (o *observing) check() error {
	if err := o.kernelFlags.check(); err != nil {
		return err
	}
	if o.interval < 10*time.Millisecond {
		return usagef("--interval %s is too short: 10ms is the least", o.interval)
	}
	if o.stuckAfter < o.interval {
		return usagef("--stuck-after %s is shorter than --interval %s", o.stuckAfter, o.interval)
	}
	return nil
}

// open loads the kernel side and a watcher over it.
func (o *observing) open(fs proc.FS, scope *scope, count kernel.Count, lookOnly bool) (*kernel.Kernel, *watch.Watcher, error) {
	var err error
	if scope.names, err = o.names.open(); err != nil {
		return nil, nil, err
	}
	opts := kernel.Options{
		Tier: listener.Tier(o.tier), Count: count, LookOnly: lookOnly, Namespaces: scope.namespaces,
	}
	if opts.Types, err = o.types(); err != nil {
		return nil, nil, err
	}
	scope.reader = proc.NewReader(thisProgram, proc.Verb)
	if err := scope.reader.Warm(); err != nil { // it gets ready while programs are loaded
		return nil, nil, err
	}
	k, err := kernel.Open(opts)
	if err != nil {
		return nil, nil, err
	}
	tier, _, _ := k.Tier()
	wopts := watch.Options{
		Interval: o.interval, StuckAfter: o.stuckAfter, Tier: tier,
		Reader: scope.reader, Proc: fs, Mounts: netns.NewMounts(fs.Root()), Names: scope.names,
	}
	if k.Counting() == kernel.CountAlways {
		wopts.CountsSince = k.Started()
	}
	if o.source != nil {
		return k, watch.New(o.source(k), wopts), nil
	}
	return k, watch.New(k, wopts), nil
}

// thisProgram is what runs, also where its file was replaced meanwhile.
const thisProgram = "/proc/self/exe"
