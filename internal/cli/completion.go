package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// completionPatience is how long a person who pressed TAB waits.
const completionPatience = 2 * time.Second

func newCompletion(std streams) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `completion prints the script for a shell. Ports, processes, network namespaces,
containers, pods and cookies are completed with what listens now.`,
		Example: `  source <(reusewatch completion bash)
  reusewatch completion zsh >"${fpath[1]}/_reusewatch"
  reusewatch completion fish >~/.config/fish/completions/reusewatch.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			write := map[string]func(io.Writer) error{
				"bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
				"zsh":  root.GenZshCompletion,
				"fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
			}[args[0]]
			if err := write(std.out); err != nil {
				return fmt.Errorf("write the completion script: %w", err)
			}
			return nil
		},
	}
}

// complete makes the flags and arguments of a command complete: with the words that
// a flag knows, and with what listens now.
func complete(cmd *cobra.Command, fs proc.FS) {
	words := map[string][]string{
		"tier": {"functions", "tracepoints", "queues"}, "from": {"kernel", "unix:"},
		"rescue": {"auto", "off"}, "count": {"always", "suspected"}, "sort": orderNames(),
		"newer-than": {"file:"},
	}
	for _, s := range policy.Table() {
		if len(s.Choices) > 0 {
			words[s.Key] = s.Choices
		}
	}
	if cmd.Name() == "top" {
		words["sort"] = sortNames()
	}
	for name, all := range words {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)) // it is there, and once
		}
	}
	for name, of := range completions() {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, listening(fs, of))
		}
	}
	switch cmd.Name() {
	case "explain":
		cmd.ValidArgsFunction = listening(fs, func(j *listener.Judgement) []cobra.Completion {
			return append(completions()["port"](j), byCookie(j, "cookie:"))
		})
	case "kill", "close":
		cmd.ValidArgsFunction = listening(fs, func(j *listener.Judgement) []cobra.Completion {
			return []cobra.Completion{byCookie(j, "")}
		})
	}
}

// completions are what a listener offers for each filter.
func completions() map[string]func(*listener.Judgement) []cobra.Completion {
	return map[string]func(*listener.Judgement) []cobra.Completion{
		"port": func(j *listener.Judgement) []cobra.Completion {
			return []cobra.Completion{cobra.CompletionWithDesc(strconv.Itoa(int(j.Port())), commOf(j))}
		},
		"netns": func(j *listener.Judgement) []cobra.Completion {
			if j.NetnsName != "" {
				return []cobra.Completion{text.Printable(j.NetnsName)}
			}
			return []cobra.Completion{strconv.Itoa(int(j.Netns))}
		},
		"pid": eachOwner(func(o *listener.Owner) cobra.Completion {
			return cobra.CompletionWithDesc(strconv.Itoa(o.PID), text.Printable(o.Comm))
		}),
		"comm": eachOwner(func(o *listener.Owner) cobra.Completion { return text.Printable(o.Comm) }),
		"uid": eachOwner(func(o *listener.Owner) cobra.Completion {
			return cobra.CompletionWithDesc(strconv.Itoa(int(o.UID)), text.Printable(o.User))
		}),
		"container": eachContainer(func(c *listener.Container) cobra.Completion {
			return cobra.CompletionWithDesc(text.Printable(c.ID), sentence.ContainerName(c))
		}),
		"pod":       eachContainer(func(c *listener.Container) cobra.Completion { return text.Printable(c.Pod) }),
		"namespace": eachContainer(func(c *listener.Container) cobra.Completion { return text.Printable(c.Namespace) }),
	}
}

func eachOwner(value func(*listener.Owner) cobra.Completion) func(*listener.Judgement) []cobra.Completion {
	return func(j *listener.Judgement) []cobra.Completion {
		var all []cobra.Completion
		for i := range j.Owners {
			all = append(all, value(&j.Owners[i]))
		}
		return all
	}
}

func eachContainer(value func(*listener.Container) cobra.Completion) func(*listener.Judgement) []cobra.Completion {
	return func(j *listener.Judgement) []cobra.Completion {
		var all []cobra.Completion
		for i := range j.Owners {
			if c := j.Owners[i].Container; c != nil && value(c) != "" {
				all = append(all, value(c))
			}
		}
		return all
	}
}

func byCookie(j *listener.Judgement, prefix string) cobra.Completion {
	return cobra.CompletionWithDesc(prefix+j.Cookie.String(), fmt.Sprintf("%s %s %s", j.Verdict, j.Local, commOf(j)))
}

func commOf(j *listener.Judgement) string {
	if len(j.Owners) == 0 {
		return "unowned"
	}
	return text.Printable(j.Owners[0].Comm)
}

// listening completes with what listens now, the worst first; with nothing where
// that cannot be seen.
func listening(fs proc.FS, of func(*listener.Judgement) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completionPatience)
		defer cancel()
		v := viewing{observing: observing{stuckAfter: builtinPolicy().Default.StuckAfter, interval: time.Second}, flags: cmd.Flags()}
		for name, to := range map[string]*string{"from": &v.from, "btf": &v.btf} {
			if typed := cmd.Flags().Lookup(name); typed != nil {
				*to = typed.Value.String()
			}
		}
		view, err := v.open(ctx, fs, &scope{}, builtinPolicy(), false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer view.Close()
		f, err := view.Next(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		slices.SortStableFunc(f.Listeners, worstFirst)
		var all []cobra.Completion
		for i := range f.Listeners {
			for _, c := range of(&f.Listeners[i]) {
				if !slices.Contains(all, c) {
					all = append(all, c)
				}
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
